// The dialogues of the built-in service and clients, without sockets: each against the other, cut
// into pieces of every size.
#include <gtest/gtest.h>

#include "harness/traffic/client_dialogue.h"
#include "harness/traffic/http_message.h"
#include "harness/traffic/resp_reply.h"
#include "harness/traffic/service_dialogue.h"
#include "harness/traffic/text_template.h"

namespace mirrorlab::traffic {
namespace {

struct Heard : TurnSink {
  std::string turns;  // the turns' bytes, each followed by '|'
  std::vector<Answer> answers;
  std::string said;
  int hung_up = 0;
  void on_turn_bytes(std::string_view bytes) override { turns += bytes; }
  void on_turn_end(Answer answer) override {
    turns += '|';
    answers.push_back(std::move(answer));
  }
  void say(std::string_view text) override { said += text; }
  void hang_up(bool, uint64_t) override { ++hung_up; }
};

Heard hear(const ServiceOptions& options, const std::string& stream, size_t piece) {
  Heard heard;
  const auto dialogue = make_dialogue(options, {});
  dialogue->begin(heard);
  for (size_t at = 0; at < stream.size(); at += piece) {
    dialogue->take(std::string_view(stream).substr(at, piece), heard);
  }
  return heard;
}

const std::string kGet = "GET /a HTTP/1.1\r\nHost: x\r\nX-Answer-Bytes: 300\r\n\r\n";
const std::string kPost = "POST /b HTTP/1.1\r\ncontent-length:5\r\n\r\nhello";
const std::string kChunked =
    "POST /c HTTP/1.1\r\nTransfer-Encoding: "
    "chunked\r\n\r\n4\r\nwiki\r\nA;x=y\r\n0123456789\r\n0\r\n"
    "Trailer: t\r\n\r\n";

TEST(ServiceDialogue, HttpTurnsAreTheSameHoweverTheStreamIsCut) {
  for (size_t piece = 1; piece < 200; ++piece) {
    const Heard h = hear({}, kGet + kPost + kChunked + kGet, piece);
    EXPECT_EQ(h.turns, kGet + "|" + kPost + "|" + kChunked + "|" + kGet + "|") << piece;
    ASSERT_EQ(h.answers.size(), 4U) << piece;
    EXPECT_EQ(h.answers[0].filler, 300U);
    EXPECT_EQ(h.answers[1].filler, 128U) << "nothing was asked for";
  }
}
TEST(ServiceDialogue, ABadRequestIsAnsweredAndEndsTheConnection) {
  const Heard h = hear({}, "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 7);
  ASSERT_EQ(h.answers.size(), 1U);
  EXPECT_TRUE(h.answers[0].head.starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(h.answers[0].close);
}
TEST(ServiceDialogue, AnswersByOtherRules) {
  ServiceOptions o;
  o.answer = AnswerRule::longer;
  EXPECT_GT(hear(o, kGet, 99).answers[0].filler, 300U);
  o.answer = AnswerRule::shorter;
  EXPECT_LT(hear(o, kGet, 99).answers[0].filler, 300U);
  o.answer = AnswerRule::none;
  o.answer_every = 2;
  const Heard h = hear(o, kGet + kGet + kGet, 99);
  EXPECT_FALSE(h.answers[0].none);
  EXPECT_TRUE(h.answers[1].none);
  EXPECT_FALSE(h.answers[2].none);
}
TEST(ServiceDialogue, InterimAnswersComeBeforeTheFinalOne) {
  ServiceOptions o;
  o.interim = 2;
  const auto head = hear(o, kGet, 99).answers[0].head;
  EXPECT_EQ(head.find("HTTP/1.1 103"), 0U);
  EXPECT_GT(head.find("HTTP/1.1 200"), head.rfind("HTTP/1.1 103"));
}
TEST(ServiceDialogue, ExpectContinueIsAnsweredBeforeTheBody) {
  const Heard h =
      hear({}, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", 9);
  EXPECT_TRUE(h.said.starts_with("HTTP/1.1 100"));
  EXPECT_TRUE(h.answers.empty());
}
TEST(ServiceDialogue, GreetingSpeaksFirstAndTakesDataToTheLoneDot) {
  ServiceOptions o;
  o.mode = ServiceMode::greeting;
  for (size_t piece = 1; piece < 40; ++piece) {
    const Heard h = hear(o, "EHLO a\r\nDATA\r\nline\r\n..\r\n.\r\nQUIT\r\n", piece);
    EXPECT_EQ(h.turns, "EHLO a\r\n|DATA\r\n|line\r\n..\r\n.\r\n|QUIT\r\n|") << piece;
    EXPECT_TRUE(h.said.starts_with("220 "));
    EXPECT_TRUE(h.answers[1].head.starts_with("354"));
    EXPECT_TRUE(h.answers[3].close);
  }
}
TEST(ServiceDialogue, EchoGivesBackAndSinkSaysNothing) {
  ServiceOptions o;
  o.mode = ServiceMode::echo;
  EXPECT_EQ(hear(o, "abc", 3).answers[0].head, "abc");
  o.mode = ServiceMode::sink;
  EXPECT_TRUE(hear(o, "abc", 3).answers[0].none);
}

ClientDialogue::Progress give(ClientDialogue& d, std::string text, size_t piece) {
  auto progress = ClientDialogue::Progress::more;
  for (size_t at = 0; at < text.size() && progress == ClientDialogue::Progress::more; at += piece) {
    std::string_view bytes = std::string_view(text).substr(at, piece);
    progress = d.take(bytes);
  }
  return progress;
}

ClientOptions asking_for(uint64_t bytes) {
  ClientOptions o;
  o.answer = {bytes, bytes};
  return o;
}

TEST(HttpClientDialogue, TakesAnAnswerAfterInterimOnes) {
  for (size_t piece = 1; piece < 120; ++piece) {
    const ClientOptions o = asking_for(5);
    Random random(1);
    const auto d = make_http_dialogue(o, random, 1);
    OutQueue out;
    EXPECT_EQ(d->next(out).kind, ActionKind::think);
    EXPECT_EQ(d->next(out).kind, ActionKind::send);
    EXPECT_GT(out.size(), 0U);
    EXPECT_EQ(d->next(out).kind, ActionKind::expect);
    EXPECT_EQ(
        give(*d,
             "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345",
             piece),
        ClientDialogue::Progress::done)
        << piece << d->error();
    EXPECT_EQ(d->left(), 0U);
  }
}
TEST(HttpClientDialogue, RefusesAWrongAnswer) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1234",
                             "HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\n12345",
                             "220 smtp\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"}) {
    const ClientOptions o = asking_for(5);
    Random random(1);
    const auto d = make_http_dialogue(o, random, 1);
    OutQueue out;
    for (int i = 0; i < 3; ++i) (void)d->next(out);
    EXPECT_EQ(give(*d, answer, 1000), ClientDialogue::Progress::wrong) << answer;
    EXPECT_FALSE(d->error().empty());
  }
}
TEST(HttpClientDialogue, AClosedConnectionIsAnErrorOnlyInTheMiddle) {
  const ClientOptions o = asking_for(5);
  Random random(1);
  const auto d = make_http_dialogue(o, random, 2);
  OutQueue out;
  (void)d->next(out);
  EXPECT_TRUE(d->resumable());
  (void)d->next(out);
  EXPECT_FALSE(d->resumable());
  EXPECT_EQ(d->on_close(), ClientDialogue::Progress::wrong);
}
TEST(HttpClientDialogue, TheSameSeedSendsTheSameBytes) {
  ClientOptions o;
  o.body = {0, 3000};
  o.pipeline = 4;
  const auto sizes = [&](uint64_t seed) {
    Random random(seed);
    const auto d = make_http_dialogue(o, random, 4);
    OutQueue out;
    (void)d->next(out);
    (void)d->next(out);
    return out.size();
  };
  EXPECT_EQ(sizes(5), sizes(5));
  EXPECT_NE(sizes(5), sizes(6));
}

TEST(ScriptDialogue, RunsItsStepsAndRepeats) {
  const auto options = read_client_options(nlohmann::json::parse(R"({
    "service": "10.0.0.1:25", "first_client": "10.1.0.1", "kind": "script",
    "script": [{"do": "expect", "text": "220"},
               {"do": "repeat", "times": 2, "steps": [{"do": "send", "text": "x"},
                                                       {"do": "expect", "size": [3, 3]}]},
               {"do": "half-close"}, {"do": "expect-close"}]})"));
  ASSERT_TRUE(options) << options.error();
  Random random(1);
  const auto d = make_script_dialogue(*options, random, 0);
  OutQueue out;
  EXPECT_EQ(d->next(out).kind, ActionKind::expect);
  EXPECT_EQ(give(*d, "..2220", 1), ClientDialogue::Progress::done);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(d->next(out).kind, ActionKind::send);
    EXPECT_EQ(d->next(out).kind, ActionKind::expect);
    EXPECT_EQ(give(*d, "abc", 2), ClientDialogue::Progress::done);
  }
  EXPECT_EQ(out.size(), 2U);
  EXPECT_EQ(d->next(out).kind, ActionKind::half_close);
  EXPECT_EQ(d->next(out).kind, ActionKind::drain);
  EXPECT_EQ(d->next(out).kind, ActionKind::finish);
}
TEST(ScriptDialogue, SaysWhatItMissed) {
  ClientOptions o;
  Step step;
  step.kind = StepKind::expect;
  step.text = "250";
  o.script = {step};
  Random random(1);
  const auto d = make_script_dialogue(o, random, 0);
  OutQueue out;
  (void)d->next(out);
  EXPECT_EQ(d->on_close(), ClientDialogue::Progress::wrong);
  EXPECT_NE(d->error().find("250"), std::string::npos);
}

TEST(ScriptDialogue, ConnectsAgainAfterItsFirstConnection) {
  ClientOptions o;
  Step again{StepKind::repeat,
             {},
             {},
             {},
             2,
             {{StepKind::connect, {}, {}, {}, 1, {}}, {StepKind::reset, {}, {}, {}, 1, {}}}};
  o.script = {again};
  Random random(1);
  const auto d = make_script_dialogue(o, random, 0);
  OutQueue out;
  EXPECT_EQ(d->next(out).kind, ActionKind::reset) << "the first connection is there";
  EXPECT_EQ(d->next(out).kind, ActionKind::connect);
  EXPECT_EQ(d->next(out).kind, ActionKind::reset);
  EXPECT_EQ(d->next(out).kind, ActionKind::finish);
}
TEST(ScriptDialogue, FillsItsTextsIn) {
  ClientOptions o;
  o.clients = 3;
  o.script = {
      {StepKind::send, "{client} {connection} {request} {random:5} {\"json\": {}}", {}, {}, 1, {}},
      {StepKind::expect, "{sent}", {}, {}, 1, {}}};
  Random random(1);
  const auto d = make_script_dialogue(o, random, 7);
  OutQueue out;
  EXPECT_EQ(d->next(out).kind, ActionKind::send);
  EXPECT_EQ(out.size(), std::string("1 7 1 abcde {\"json\": {}}").size());
  EXPECT_EQ(d->next(out).kind, ActionKind::expect);
  EXPECT_EQ(give(*d, "1 7 1 ", 9), ClientDialogue::Progress::more);
}

TEST(TextTemplate, TheSameSeedFillsInTheSame) {
  const TextValues values{1, 2, 3, "four"};
  const auto filled = [&](uint64_t seed, const char* text) {
    Random random(seed);
    return fill_text(text, values, random);
  };
  EXPECT_EQ(filled(1, "{client}{connection}{request}{sent}"), "123four");
  EXPECT_EQ(filled(1, "{random}"), filled(1, "{random}"));
  EXPECT_NE(filled(1, "{random}"), filled(2, "{random}"));
  EXPECT_EQ(filled(1, "{random:9}").size(), 9U);
  EXPECT_EQ(filled(1, "{random:5..5}"), "5");
  for (const char* text : {"{}", "{", "}{", "{other}", "{random:}", "{random:9..1}", "{random:x}",
                           "{\"a\": {\"b\": 1}}"}) {
    EXPECT_EQ(filled(1, text), text);
  }
}

TEST(RawClientDialogue, ComparesTheEchoByteForByte) {
  ClientOptions o;
  o.kind = ClientKind::raw;
  o.bytes = {100'000, 100'000};
  o.chunk = {70'000, 70'000};  // longer than a period of the pattern
  o.echoed = true;
  for (const bool honest : {true, false}) {
    Random random(3);
    const auto d = make_raw_dialogue(o, random);
    OutQueue out;
    (void)d->next(out);
    ASSERT_EQ(d->next(out).kind, ActionKind::send);
    ASSERT_EQ(out.size(), 70'000U);
    EXPECT_EQ(d->next(out).kind, ActionKind::expect);
    Random same(3);
    (void)same.between(100'000, 100'000);
    uint64_t at = same.next();
    std::string echo;
    while (echo.size() < 70'000) {
      const auto piece = filler_pattern(at + echo.size(), 70'000 - echo.size());
      echo += piece;
    }
    if (!honest) echo[69'999] ^= 1;
    EXPECT_EQ(give(*d, echo, 999),
              honest ? ClientDialogue::Progress::done : ClientDialogue::Progress::wrong);
  }
}

TEST(RedisClientDialogue, TakesEveryKindOfReplyHoweverItIsCut) {
  RespReply reply;
  const std::string stream =
      "+OK\r\n$5\r\nab\r\nc\r\n$-1\r\n*2\r\n:1\r\n*1\r\n$0\r\n\r\n*0\r\n-ERR\r\n";
  for (size_t piece = 1; piece < stream.size(); ++piece) {
    std::vector<std::string> lines;
    for (size_t at = 0; at < stream.size(); at += piece) {
      std::string_view bytes = std::string_view(stream).substr(at, piece);
      while (!bytes.empty()) {
        const auto event = reply.take(bytes);
        ASSERT_NE(event, RespReply::Event::wrong) << piece;
        if (event == RespReply::Event::reply) lines.push_back(reply.first_line());
      }
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"+OK", "$5", "$-1", "*2", "*0", "-ERR"})) << piece;
  }
  for (const char* wrong :
       {"HTTP/1.1 200\r\n", "$x\r\n", "*-7\r\n", "$9999999999999\r\n", "\r\n", "+OK\n"}) {
    RespReply fresh;
    std::string_view bytes = wrong;
    EXPECT_EQ(fresh.take(bytes), RespReply::Event::wrong) << wrong;
  }
}
TEST(RedisClientDialogue, AValueOfAnotherSizeThanWasSetIsWrong) {
  ClientOptions o;
  o.kind = ClientKind::redis;
  o.value = {3, 3};
  o.keys = 1;
  for (const char* answer : {"+OK\r\n$3\r\nabc\r\n", "+OK\r\n$2\r\nab\r\n", "-ERR no\r\n"}) {
    o.sets_ppm = 1'000'000;
    Random random(1);
    const auto d = make_redis_dialogue(o, random, 0, 2);
    OutQueue out;
    for (int i = 0; i < 3; ++i) (void)d->next(out);
    std::string_view bytes = answer;
    auto progress = d->take(bytes);
    o.sets_ppm = 0;
    for (int i = 0; i < 3; ++i) (void)d->next(out);
    if (progress == ClientDialogue::Progress::done) progress = d->take(bytes);
    EXPECT_EQ(progress,
              answer[6] == '3' ? ClientDialogue::Progress::done : ClientDialogue::Progress::wrong);
  }
}

TEST(Options, UnknownAndWrongOnesAreRefused) {
  EXPECT_FALSE(read_service_options(nlohmann::json::parse(R"({"port": 80, "colour": 1})")));
  EXPECT_FALSE(read_service_options(nlohmann::json::parse(R"({"port": "80"})")));
  EXPECT_FALSE(read_service_options(nlohmann::json::parse(R"({"port": 80, "mode": "ftp"})")));
  EXPECT_FALSE(read_client_options(nlohmann::json::parse(R"({"service": "nowhere"})")));
  EXPECT_FALSE(read_client_options(
      nlohmann::json::parse(R"({"service": "[::1]:80", "first_client": "10.0.0.1"})")))
      << "two families";
}
}  // namespace
}  // namespace mirrorlab::traffic
