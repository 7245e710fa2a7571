// The verifier must be able to say no: each test breaks one thing that a broken engine would break,
// and names the checks that have to catch it, and no others.
#include "harness/verify/verify.h"

#include <gtest/gtest.h>

#include "unit/harness/good_evidence.h"

namespace mirrorlab::verify {
namespace {
using wire::Endpoint;

TEST(Verifier, PassesAnExactMirror) {
  const Report r = verify(good());
  for (const Check& c : r.checks) EXPECT_TRUE(c.passed) << c.name << ": " << c.detail;
  EXPECT_EQ(r.metrics.at("online.sessions"), 1);
  EXPECT_EQ(r.metrics.at("test.sessions"), 1);
  EXPECT_EQ(r.metrics.at("sessions.exact"), 1);
  EXPECT_EQ(r.metrics.at("requests.mirrored"), 3);
  EXPECT_EQ(r.metrics.at("bytes.mirrored"), 3 * kLength);
  EXPECT_EQ(r.metrics.at("turns.total"), 2);
  EXPECT_EQ(r.metrics.at("online.concurrency"), 1);
  EXPECT_TRUE(r.lost.empty());
  EXPECT_TRUE(r.inconclusive.empty());
  ASSERT_EQ(r.notes.size(), 1U) << "no recordings: the report must say so";
}
TEST(Verifier, CountsRequestsByProtocol) {
  const std::vector<std::pair<Protocol, std::string>> cases{
      {Protocol::resp, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n*1\r\n$4\r\nPI\r\n\r\n"},
      {Protocol::http,
       "GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\n\r\n3\r\nabc\r\n"
       "0\r\n\r\nPOST / HTTP/1.0\r\nContent-Length: 4\r\n\r\n\r\n\r\n"}};
  for (const auto& [protocol, stream] : cases) {
    for (const size_t piece : {size_t{1}, size_t{5}, stream.size()}) {
      Evidence e;
      e.services = {{kOnline, kTest, protocol, {}, {}}};
      std::vector<SentPiece> pieces;
      for (size_t at = 0; at < stream.size(); at += piece) {
        pieces.push_back({static_cast<uint32_t>(at), stream.substr(at, piece), 0});
      }
      TapWriter online(e.online);
      write_connection(online, kOnline, pieces);
      EXPECT_EQ(verify(e).metrics.at("online.requests"), 3) << stream << " by " << piece;
    }
  }
}
TEST(Verifier, NothingAtAllProvesNothing) {
  Evidence e;
  e.services = {{kOnline, kTest, Protocol::http, {}, {}}};
  e.copy = account(0, 0, 0, 0);
  EXPECT_EQ(failing(verify(e)), "complete");
}

// --- streams -----------------------------------------------------------------------------------
TEST(Verifier, CatchesADroppedSegment) {
  const Report r = verify(with_test({{0, kOne, 0}, {2 * kLength, kThree, 200}}));
  EXPECT_FALSE(passes(r, "exact"));
  EXPECT_FALSE(passes(r, "explained"));
  EXPECT_EQ(r.metrics.at("sessions.partial"), 1);
  EXPECT_EQ(r.metrics.at("requests.mirrored"), 1)
      << "what lies behind the hole was never delivered";
  EXPECT_EQ(r.metrics.at("bytes.mirrored"), kLength);
  EXPECT_EQ(r.metrics.at("lost.bytes"), 2 * kLength);
}
TEST(Verifier, CatchesBytesSentTwice) {
  const Report r = verify(with_test(
      {{0, kOne, 0}, {kLength, kOne, 100}, {2 * kLength, kTwo, 200}, {3 * kLength, kThree, 300}}));
  EXPECT_FALSE(passes(r, "true_streams"));
  EXPECT_EQ(r.metrics.at("streams.mismatched"), 1);
}
TEST(Verifier, AcceptsARetransmission) {
  const Report r = verify(
      with_test({{0, kOne, 0}, {0, kOne, 0}, {kLength, kTwo, 100}, {2 * kLength, kThree, 200}}));
  EXPECT_EQ(failing(r), "");
  EXPECT_EQ(r.metrics.at("test.retransmitted_bytes"), kLength);
}
TEST(Verifier, AcceptsReorderedSegments) {
  const Report r =
      verify(with_test({{kLength, kTwo, 0}, {0, kOne, 0}, {2 * kLength, kThree, 200}}));
  EXPECT_TRUE(passes(r, "exact"));
  EXPECT_FALSE(passes(r, "order")) << "the second request came before the first one's answer";
}
TEST(Verifier, CatchesARetransmissionWithOtherBytes) {
  const Report r = verify(
      with_test({{0, kOne, 0}, {0, kTwo, 0}, {kLength, kTwo, 100}, {2 * kLength, kThree, 200}}));
  EXPECT_FALSE(passes(r, "true_streams"));
}
TEST(Verifier, CatchesSwappedRequests) {
  const Report r =
      verify(with_test({{0, kTwo, 0}, {kLength, kOne, 100}, {2 * kLength, kThree, 200}}));
  EXPECT_FALSE(passes(r, "true_streams"));
}
TEST(Verifier, CatchesOneChangedByte) {
  std::string changed = kTwo;
  changed.back() = '!';
  const Report r =
      verify(with_test({{0, kOne, 0}, {kLength, changed, 100}, {2 * kLength, kThree, 200}}));
  EXPECT_FALSE(passes(r, "true_streams"));
  EXPECT_NE(find_check(r, "true_streams").detail.find(std::to_string(2 * kLength - 1)),
            std::string::npos)
      << "names the byte";
}
TEST(Verifier, CatchesBytesBeyondTheStream) {
  const Report r = verify(with_test(
      {{0, kOne, 0}, {kLength, kTwo, 100}, {2 * kLength, kThree, 200}, {3 * kLength, "x", 300}}));
  EXPECT_FALSE(passes(r, "true_streams"));
}
TEST(Verifier, CatchesAMissingSession) {
  Evidence e = online_only();
  EXPECT_FALSE(passes(verify(e), "complete"));
  EXPECT_EQ(verify(e).metrics.at("sessions.missing"), 1);
}
TEST(Verifier, CatchesAnExtraSession) {
  Evidence e = good();
  TapWriter test(e.test, 2'000'000'000);
  write_connection(test, kTest, kGood, kOther);
  const Report r = verify(e);
  EXPECT_EQ(failing(r), "no_extra");
  EXPECT_EQ(r.metrics.at("sessions.extra"), 1);
}
TEST(Verifier, CatchesAnExtraConnectionOfTheSameClient) {
  Evidence e = good();
  TapWriter test(e.test, 2'000'000'000);
  write_connection(test, kTest, kGood, kClient, Ending::fin, 0x12345678);
  EXPECT_EQ(failing(verify(e)), "no_extra");
}
TEST(Verifier, IgnoresPacketsThatTheHostDropsForTheirChecksum) {
  Evidence e = online_only();
  TapWriter test(e.test);
  test.packet(kClient, kTest, kIsn, 0, flag::kSyn);
  test.packet(kClient, kTest, kIsn + 1, kAnswerZero, flag::kAck | flag::kPsh, kTwo, true);
  for (const SentPiece& p : kGood) {
    test.packet(kClient, kTest, kIsn + 1 + p.offset, kAnswerZero + p.acked, flag::kAck, p.data);
  }
  test.packet(kClient, kTest, kIsn + 1 + 3 * kLength, kAnswerZero + 300, flag::kAck | flag::kFin);
  EXPECT_EQ(failing(verify(e)), "");
}

// --- one session over several connections ------------------------------------------------------
Evidence over_two_connections(uint32_t second_start, const std::vector<SentPiece>& second) {
  Evidence e = online_only();
  TapWriter test(e.test);
  write_connection(test, kTest, {{0, kOne, 0}}, kClient, Ending::rst);
  write_connection(test, kTest, second, kClient, Ending::fin, kIsn, second_start);
  return e;
}
TEST(Verifier, ASessionOverTwoConnectionsMayBeExact) {
  const Report r =
      verify(over_two_connections(kLength, {{kLength, kTwo, 0}, {2 * kLength, kThree, 100}}));
  EXPECT_EQ(failing(r), "");
  EXPECT_EQ(r.metrics.at("sessions.exact"), 1);
  EXPECT_EQ(r.metrics.at("sessions.reopened"), 1);
}
TEST(Verifier, AReopenedSessionThatSkipsATurnLostIt) {
  Evidence e = over_two_connections(2 * kLength, {{2 * kLength, kThree, 0}});
  e.copy = account(1, 0, 3 * kLength, 2 * kLength, "test_reset");
  e.session_log = {log_entry("test_reset", kLength)};
  const Report r = verify(e);
  EXPECT_TRUE(passes(r, "explained"));
  EXPECT_FALSE(passes(r, "exact"));
  EXPECT_TRUE(passes(r, "no_extra"));
  EXPECT_EQ(r.metrics.at("requests.mirrored"), 2);
  ASSERT_EQ(r.lost.size(), 1U);
  EXPECT_EQ(r.lost[0].reason, "test_reset");
  EXPECT_EQ(r.lost[0].hop, "test");
  EXPECT_EQ(r.lost[0].bytes, kLength);
}
TEST(Verifier, ATurnGivenToTheServiceTwiceIsNoExactMirror) {
  const Report r = verify(
      over_two_connections(0, {{0, kOne, 0}, {kLength, kTwo, 100}, {2 * kLength, kThree, 200}}));
  EXPECT_FALSE(passes(r, "true_streams"));
  EXPECT_EQ(r.metrics.at("bytes.repeated"), kLength);
}
TEST(Verifier, AReopenedSessionKeepsItsOrder) {
  Evidence e = over_two_connections(kLength, {{kLength, kTwo, 0}, {2 * kLength, kThree, 40}});
  TapWriter test(e.test, 2'000'000'000);  // in the end it has all the answers
  test.packet(kClient, kTest, kIsn + 2 + 3 * kLength, kAnswerZero + 200, flag::kAck);
  EXPECT_EQ(verify(e).metrics.at("turns.violations"), 1);
}
TEST(Verifier, AReusedAddressAndPortIsAnotherSession) {
  Evidence e = good();
  TapWriter online(e.online, 3'000'000'000);
  write_connection(online, kOnline, {{0, kTwo, 0}}, kClient, Ending::fin, 77);
  TapWriter test(e.test, 3'000'000'000);
  write_connection(test, kTest, {{0, kTwo, 0}}, kClient, Ending::fin, 77);
  e.copy = account(2, 2, 4 * kLength, 4 * kLength);
  const Report r = verify(e);
  EXPECT_EQ(failing(r), "");
  EXPECT_EQ(r.metrics.at("sessions.exact"), 2);
}
TEST(Verifier, ASessionJoinedInTheMiddleCountsFromThere) {
  Evidence e;
  e.services = {{kOnline, kTest, Protocol::http, {}, {}}};
  TapWriter online(e.online);
  online.packet(kClient, kOnline, 5000, 900, flag::kAck);
  online.packet(kClient, kOnline, 5000, 900, flag::kAck | flag::kPsh, kOne);
  online.packet(kClient, kOnline, 5000 + kLength, 1000, flag::kAck | flag::kFin);
  TapWriter test(e.test);
  write_connection(test, kTest, {{0, kOne, 0}}, kClient, Ending::fin, 4999);
  e.copy = account(1, 1, kLength, kLength);
  EXPECT_EQ(failing(verify(e)), "");
}

// --- order -------------------------------------------------------------------------------------
TEST(Verifier, CatchesATurnReleasedEarly) {
  const Report r =
      verify(with_test({{0, kOne, 0}, {kLength, kTwo, 40}, {2 * kLength, kThree, 200}}));
  EXPECT_FALSE(passes(r, "order"));
  EXPECT_TRUE(passes(r, "exact"));
  EXPECT_EQ(r.metrics.at("turns.violations"), 1);
}
TEST(Verifier, CatchesATurnSentTogetherWithTheOneBefore) {
  const Report r = verify(with_test({{0, kOne + kTwo, 0}, {2 * kLength, kThree, 200}}));
  EXPECT_FALSE(passes(r, "order"));
}
TEST(Verifier, ATimeoutExcusesAsManyTurnsAsTheEngineSays) {
  for (const uint64_t owned : {0U, 1U, 2U, 5U}) {
    Evidence e = with_test({{0, kOne, 0}, {kLength, kTwo, 40}, {2 * kLength, kThree, 140}});
    e.services[0].online_recording = Recording{{recorded({kOne, kTwo, kThree}, {100, 100, 100})}};
    e.services[0].test_recording = e.services[0].online_recording;
    e.copy["counters"]["turn_released_by_timeout"] = owned;
    const Report r = verify(e);
    EXPECT_EQ(r.metrics.at("turns.violations"), owned >= 2 ? 0 : 2 - owned);
    EXPECT_EQ(r.metrics.at("turns.excused"), std::min<uint64_t>(owned, 2));
    EXPECT_EQ(passes(r, "order"), owned >= 2);
  }
}
TEST(Verifier, WithOtherAnswersTheServicesOwnOrderDecides) {
  Evidence e = with_test({{0, kOne, 0}, {kLength, kTwo, 30}, {2 * kLength, kThree, 60}});
  e.services[0].online_recording = Recording{{recorded({kOne, kTwo, kThree}, {100, 100, 100})}};
  e.services[0].test_recording = Recording{{recorded({kOne, kTwo, kThree}, {30, 30, 30})}};
  EXPECT_EQ(failing(verify(e)), "");
  e.services[0].test_recording->connections[0].turns[2].came = 2;  // with the second request
  const Report r = verify(e);
  EXPECT_EQ(failing(r), "order");
  EXPECT_EQ(r.metrics.at("turns.violations"), 1);
}
TEST(Verifier, ATurnInTheMidstOfARequestIsNoEarlierThanThat) {
  // Pipelined: the second request has begun, and goes on when the first one's answer has come.
  Evidence e = with_test({{0, kOne, 0}, {kLength, kTwo, 30}, {2 * kLength, kThree, 60}});
  e.services[0].online_recording = Recording{{recorded({kOne, kTwo + kThree}, {200, 50})}};
  e.services[0].test_recording = Recording{{recorded({kOne, kTwo + kThree}, {60, 50})}};
  auto& turns = e.services[0].test_recording->connections[0].turns;
  turns[1].came = 2;
  turns[0].answered = 3;
  turns[1].answered = 4;
  EXPECT_EQ(failing(verify(e)), "");
}
TEST(Verifier, AnAnswerThatNeverCameIsAViolationUnlessOwnedUpTo) {
  Evidence e = with_test({{0, kOne, 0}, {kLength, kTwo, 0}, {2 * kLength, kThree, 100}});
  e.services[0].online_recording = Recording{{recorded({kOne, kTwo, kThree}, {100, 100, 100})}};
  e.services[0].test_recording = Recording{{recorded({kOne, kTwo, kThree}, {0, 100, 100})}};
  e.services[0].test_recording->connections[0].turns[0].answered = 0;
  EXPECT_EQ(verify(e).metrics.at("turns.violations"), 1)
      << "charged to the one turn that depended on it";
  e.copy["counters"]["turn_released_by_timeout"] = 1;
  EXPECT_EQ(failing(verify(e)), "");
}
TEST(Verifier, WithoutRecordingsTheOrderAfterOtherAnswersIsUnproven) {
  const Report r =
      verify(with_test({{0, kOne, 0}, {kLength, kTwo, 30}, {2 * kLength, kThree, 60}}));
  EXPECT_EQ(failing(r), "");
  EXPECT_EQ(r.metrics.at("turns.unproven"), 2);
  EXPECT_EQ(r.notes.size(), 2U) << "and the report says so";
}
TEST(Verifier, WithoutRecordingsATurnAfterNoAnswerAtAllIsAViolation) {
  const Report r =
      verify(with_test({{0, kOne, 0}, {kLength, kTwo, 30}, {2 * kLength, kThree, 30}}));
  EXPECT_EQ(failing(r), "order");
  EXPECT_EQ(r.metrics.at("turns.violations"), 1);
}
TEST(Verifier, WithoutRecordingsQuietReleasesExcuseAsManySuspectTurns) {
  for (const uint64_t owned : {0U, 1U}) {
    Evidence e = with_test({{0, kOne, 0}, {kLength, kTwo, 99}, {2 * kLength, kThree, 200}});
    e.copy["counters"]["turn_released_by_quiet"] = owned;
    EXPECT_EQ(verify(e).metrics.at("turns.violations"), 1 - owned);
    EXPECT_EQ(verify(e).metrics.at("turns.excused"), owned);
  }
}
TEST(Verifier, AServerThatSpeaksFirstIsWaitedFor) {
  for (const uint32_t acked : {20U, 0U}) {
    Evidence e;
    e.services = {{kOnline, kTest, Protocol::http, {}, {}}};
    e.services[0].protocol = Protocol::turns;
    TapWriter online(e.online);
    write_connection(online, kOnline, {{0, "EHLO\r\n", 20}});
    TapWriter test(e.test);
    write_connection(test, kTest, {{0, "EHLO\r\n", acked}});
    // The greeting is answer enough to compare; the twin gets it in the end.
    test.packet(kClient, kTest, kIsn + 8, kAnswerZero + 120, flag::kAck);
    e.copy = account(1, 1, 6, 6);
    EXPECT_EQ(verify(e).metrics.at("turns.violations"), acked == 0 ? 1 : 0);
  }
}
TEST(Verifier, AnEngineToldNotToWaitIsNotBlamed) {
  Evidence e = with_test({{0, kOne, 0}, {kLength, kTwo, 0}, {2 * kLength, kThree, 0}});
  e.waits_for_answers = false;
  EXPECT_TRUE(passes(verify(e), "order"));
}
TEST(Verifier, MeasuresTheThinkTimeError) {
  Evidence e = online_only();
  TapWriter test(e.test);
  test.packet(kClient, kTest, kIsn, 0, flag::kSyn);
  test.packet(kClient, kTest, kIsn + 1, kAnswerZero, flag::kAck | flag::kPsh, kOne);
  test.at(test.now() + 49'000'000);  // 50 ms where online there was 1 ms
  test.packet(kClient, kTest, kIsn + 1 + kLength, kAnswerZero + 100, flag::kAck, kTwo);
  test.packet(kClient, kTest, kIsn + 1 + 2 * kLength, kAnswerZero + 200, flag::kAck, kThree);
  EXPECT_NEAR(verify(e).metrics.at("timing.think_error.p99"), 49, 0.01);
  EXPECT_NEAR(verify(e).metrics.at("timing.think_error.p50"), 0, 0.01);
}

// --- closes, concurrency, leftovers --------------------------------------------------------------
TEST(Verifier, CatchesAnotherClose) {
  for (const Ending ending : {Ending::rst, Ending::none}) {
    const Report r = verify(with_test(kGood, ending));
    EXPECT_EQ(failing(r), "closes");
    EXPECT_EQ(r.metrics.at("closes.differing"), 1);
  }
}
TEST(Verifier, AResetThatIsNotTakenEndsNothing) {
  for (const bool answered : {true, false}) {
    Evidence e = online_only();
    TapWriter test(e.test);
    test.packet(kClient, kTest, kIsn, 0, flag::kSyn);
    test.packet(kClient, kTest, kIsn + 2, 0, flag::kRst);
    test.packet(kClient, kTest, kIsn + 1, kAnswerZero, flag::kAck | flag::kPsh, kOne);
    if (answered) {
      test.packet(kTest, kClient, kAnswerZero, kIsn + 1 + kLength, flag::kAck | flag::kPsh, kOne);
    }
    test.packet(kClient, kTest, kIsn + 1 + kLength, kAnswerZero + 100, flag::kAck, kTwo);
    test.packet(kClient, kTest, kIsn + 1 + 2 * kLength, kAnswerZero + 200, flag::kAck, kThree);
    test.packet(kClient, kTest, kIsn + 1 + 3 * kLength, kAnswerZero + 300, flag::kAck | flag::kFin);
    EXPECT_EQ(verify(e).metrics.at("closes.differing"), answered ? 0 : 1);
  }
}
TEST(Verifier, CatchesConnectionsLeftOpen) {
  Evidence e = good();
  e.test_connections_left = 0;
  EXPECT_EQ(failing(verify(e)), "");
  e.test_connections_left = 1;
  EXPECT_EQ(failing(verify(e)), "nothing_left");
  e.online_connections_left = 1;
  EXPECT_EQ(failing(verify(e)), "") << "the client's end reached neither host";
}
TEST(Verifier, CountsConnectionsOpenAtOneTime) {
  Evidence e = good();
  TapWriter online(e.online, 1'000'000'000);
  write_connection(online, kOnline, kGood, kOther);
  EXPECT_EQ(verify(e).metrics.at("online.concurrency"), 2);
  EXPECT_EQ(verify(e).metrics.at("test.concurrency"), 1);
}

// --- reach --------------------------------------------------------------------------------------
TEST(Verifier, CatchesALeakedReplyAtTheClients) {
  Evidence e = good();
  TapWriter(e.clients).packet(kTest, kClient, 1, 1, flag::kAck, "HTTP/1.1 200 OK\r\n\r\n");
  const Report r = verify(e);
  EXPECT_EQ(failing(r), "isolated");
  EXPECT_EQ(r.metrics.at("leaked_packets"), 1);
}
TEST(Verifier, CatchesALeakedReplyOnTheOnlineHost) {
  Evidence e = good();
  TapWriter(e.online).packet(kTest, kClient, 1, 1, flag::kAck | flag::kRst);
  EXPECT_EQ(failing(verify(e)), "isolated");
}
TEST(Verifier, CatchesAPacketSentToTheOnlineService) {
  Evidence e = good();
  TapWriter(e.online).packet(kClient, kOnline, 1, 1, flag::kAck, "x", false, true);
  const Report r = verify(e);
  EXPECT_EQ(failing(r), "harmless");
  EXPECT_EQ(r.metrics.at("misdirected_packets"), 1);
}
TEST(Verifier, CatchesAPacketSentToAClient) {
  Evidence e = good();
  TapWriter(e.online).packet(*Endpoint::parse("10.1.0.7:1"), kOther, 1, 1, flag::kRst, "", false,
                             true);
  EXPECT_EQ(failing(verify(e)), "harmless");
}
TEST(Verifier, WhatAClientSendsElsewhereIsPassedOn) {
  Evidence e = good();
  const auto elsewhere = *Endpoint::parse("10.200.0.2:9090");
  TapWriter online(e.online);
  online.packet(kClient, elsewhere, 1, 1, flag::kAck, "own");
  online.packet(kClient, elsewhere, 1, 1, flag::kAck, "own", false, true);
  EXPECT_EQ(failing(verify(e)), "");
  online.packet(kClient, elsewhere, 1, 1, flag::kAck, "own", false, true);
  EXPECT_EQ(failing(verify(e)), "harmless") << "it came in once only";
}
TEST(Verifier, WhatAClientSentHereIsNotPassedOn) {
  Evidence e = good();
  TapWriter online(e.online);
  online.packet(kClient, kOnline, 77, 1, flag::kRst);
  online.packet(kClient, kOnline, 77, 1, flag::kRst, "", false, true);
  EXPECT_NE(failing(verify(e)).find("harmless"), std::string::npos);
}
TEST(Verifier, WhatTheEngineSendsToTheTestServiceIsItsBusiness) {
  Evidence e = good();
  TapWriter egress(e.online);
  egress.packet(kClient, kTest, 1, 1, flag::kAck, "x", false, true);
  egress.packet(kOnline, kClient, 1, 1, flag::kAck, "x", false, true);  // the service's answer
  EXPECT_EQ(failing(verify(e)), "");
}

// --- recordings
// -------------------------------------------------------------------------------------
TEST(Verifier, RecordingsThatAgreePass) {
  const Report r = verify(recorded_good());
  EXPECT_EQ(failing(r), "");
  EXPECT_TRUE(r.notes.empty());
  EXPECT_EQ(r.metrics.at("answers.equal"), 1);
  EXPECT_EQ(r.metrics.at("recordings.disagreements"), 0);
}
TEST(Verifier, CatchesARecordingThatIsNotTheTaps) {
  Evidence e = recorded_good();
  e.services[0].test_recording->connections[0].digest ^= 1U;
  EXPECT_EQ(failing(verify(e)), "recordings");
  e = recorded_good();
  e.services[0].test_recording->connections[0] = recorded({kOne, kTwo}, {100, 100});
  EXPECT_EQ(failing(verify(e)), "recordings") << "the service got less than the tap saw";
  e = recorded_good();
  e.services[0].test_recording->connections.clear();
  EXPECT_EQ(failing(verify(e)), "recordings") << "never recorded";
  e = recorded_good();
  e.services[0].online_recording->connections.push_back(recorded({kOne}, {100}, kOther));
  EXPECT_EQ(failing(verify(e)), "recordings") << "recorded, never on the tap";
}
TEST(Verifier, CountsAnswersThatDiffer) {
  Evidence e = recorded_good();
  e.services[0].test_recording->connections[0].answer_digest ^= 1U;
  EXPECT_EQ(failing(verify(e)), "");
  EXPECT_EQ(verify(e).metrics.at("answers.differing"), 1);
}

// --- several services, IPv6 ---------------------------------------------------------------------
TEST(Verifier, JudgesEveryPairOfServices) {
  const Endpoint online2 = *Endpoint::parse("10.1.255.1:6379");
  const Endpoint test2 = *Endpoint::parse("10.2.0.2:6380");
  const std::vector<SentPiece> ping{{0, "PING\r\n", 0}};
  for (const bool arrives : {true, false}) {
    Evidence e = good();
    e.services.push_back({online2, test2, Protocol::resp, {}, {}});
    TapWriter online(e.online, 3'000'000'000);
    write_connection(online, online2, ping);
    TapWriter test(e.test, 3'000'000'000);
    if (arrives) write_connection(test, test2, ping);
    e.copy = account(2, 2, 3 * kLength + 6, 3 * kLength + 6);
    const Report r = verify(e);
    EXPECT_EQ(r.metrics.at("online.requests"), 4);
    EXPECT_EQ(passes(r, "complete"), arrives);
    EXPECT_EQ(r.metrics.at("sessions.exact"), arrives ? 2 : 1);
  }
}
TEST(Verifier, AnEngineThatGivesNoAccountIsJudgedByTheEvidenceAlone) {
  Evidence whole = good();
  Evidence nothing = online_only();
  for (Evidence* e : {&whole, &nothing}) {
    e->copy = {{"cpu_s", 1.0}};
    e->copy_gives_account = false;
  }
  EXPECT_EQ(failing(verify(whole)), "");
  const Report r = verify(nothing);
  EXPECT_FALSE(passes(r, "complete"));
  EXPECT_EQ(r.metrics.at("lost.unexplained"), 1);
}
// kTest serves what two online services' clients send.
Evidence two_onlines_one_test(const std::string& second_twin) {
  Evidence e = good();
  const auto other_online = *wire::Endpoint::parse("10.200.0.9:80");
  e.services.push_back({other_online, kTest, Protocol::http, {}, {}});
  TapWriter online(e.online);
  write_connection(online, other_online, {{0, kTwo, 0}}, kOther);
  TapWriter test(e.test);
  write_connection(test, kTest, {{0, second_twin, 0}}, kOther);
  e.copy = account(2, 2, 4 * kLength, 4 * kLength);
  return e;
}
TEST(Verifier, SeveralOnlineServicesMayShareATestService) {
  const auto r = verify(two_onlines_one_test(kTwo));
  EXPECT_EQ(failing(r), "");
  EXPECT_EQ(r.metrics.at("sessions.exact"), 2);
  EXPECT_EQ(r.metrics.at("test.sessions"), 2);
  EXPECT_EQ(r.metrics.at("sessions.extra"), 0);
}
TEST(Verifier, CatchesAnAlteredStreamAtASharedTestService) {
  const auto r = verify(two_onlines_one_test(kThree));
  EXPECT_EQ(r.metrics.at("streams.mismatched"), 1);
  EXPECT_FALSE(passes(r, "true_streams"));
}
TEST(Verifier, CatchesAConnectionThatIsNobodysAtASharedTestService) {
  Evidence e = two_onlines_one_test(kTwo);
  TapWriter test(e.test);
  write_connection(test, kTest, {{0, kOne, 0}}, *wire::Endpoint::parse("10.1.0.77:41000"));
  const auto r = verify(e);
  EXPECT_EQ(r.metrics.at("sessions.extra"), 1);
}
TEST(Verifier, JudgesIpv6) {
  const Endpoint client = *Endpoint::parse("[fd00::7]:40000");
  Evidence e;
  e.services = {{*Endpoint::parse("[fd00:1::1]:80"),
                 *Endpoint::parse("[fd00:2::1]:80"),
                 Protocol::http,
                 {},
                 {}}};
  TapWriter online(e.online);
  write_connection(online, e.services[0].online, kGood, client);
  TapWriter test(e.test);
  write_connection(test, e.services[0].test, kGood, client);
  e.copy = account(1, 1, 3 * kLength, 3 * kLength);
  EXPECT_EQ(failing(verify(e)), "");
  TapWriter(e.clients).packet(e.services[0].test, client, 1, 1, flag::kAck);
  EXPECT_EQ(failing(verify(e)), "isolated");
}

// --- the evidence itself
// ----------------------------------------------------------------------------
TEST(Verifier, TapDropsAreInconclusive) {
  Evidence e = good();
  e.tap_drops = 1;
  EXPECT_FALSE(verify(e).inconclusive.empty());
}
TEST(Verifier, AFullTapIsInconclusive) {
  Evidence e = good();
  e.clients = PacketLog(100);
  TapWriter clients(e.clients);
  write_connection(clients, kOnline, kGood);
  EXPECT_GT(e.clients.left_out(), 0U);
  EXPECT_FALSE(verify(e).inconclusive.empty());
}
TEST(Verifier, DropsThatTcpRepairsAreToldNotJudged) {
  Evidence e = good();
  e.softnet_drops = 3;
  e.hops.kernel_drops = {{"test", "test", "l1b receiving", 2, false, DropPlace::device}};
  const Report r = verify(e);
  EXPECT_TRUE(r.inconclusive.empty());
  EXPECT_EQ(r.notes.size(), 3U);
}
}  // namespace
}  // namespace mirrorlab::verify
