// A client with three requests on one connection, mirrored exactly: what each test then breaks.
#pragma once

#include <string>
#include <vector>

#include "unit/harness/evidence_kit.h"

namespace mirrorlab::verify {

inline const std::string kOne = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string kTwo = "GET /two HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string kThree = "GET /six HTTP/1.1\r\nHost: a\r\n\r\n";
inline const auto kLength = static_cast<uint32_t>(kOne.size());
inline const std::vector<SentPiece> kGood{
    {0, kOne, 0}, {kLength, kTwo, 100}, {2 * kLength, kThree, 200}};
inline const wire::Endpoint kOther = *wire::Endpoint::parse("10.1.0.9:41000");

inline nlohmann::json account(uint64_t sessions, uint64_t mirrored, uint64_t bytes,
                              uint64_t bytes_mirrored, const std::string& reason = "none") {
  nlohmann::json a{
      {"balances", true},   {"sessions_captured", sessions}, {"sessions_mirrored", mirrored},
      {"sessions_live", 0}, {"bytes_captured", bytes},       {"bytes_mirrored", bytes_mirrored},
      {"bytes_pending", 0}};
  a["sessions_lost"] = nlohmann::json::object();
  a["bytes_lost"] = nlohmann::json::object();
  if (sessions > mirrored) a["sessions_lost"][reason] = sessions - mirrored;
  if (bytes > bytes_mirrored) a["bytes_lost"][reason] = bytes - bytes_mirrored;
  return {{"account", a}, {"counters", nlohmann::json::object()}};
}

inline nlohmann::json log_entry(const std::string& reason, uint64_t lost,
                                uint32_t first_seq = kIsn + 1,
                                const wire::Endpoint& client = kClient) {
  return {{"client", client.to_string()},
          {"first_seq", first_seq},
          {"reason", reason},
          {"bytes_captured", 3 * kLength},
          {"bytes_lost", lost},
          {"bytes_mirrored", 3 * kLength - lost}};
}

// Everything but the test host's side.
inline Evidence online_only() {
  Evidence e;
  e.services = {{kOnline, kTest, Protocol::http, {}, {}}};
  TapWriter online(e.online);
  write_connection(online, kOnline, kGood);
  TapWriter clients(e.clients);
  write_connection(clients, kOnline, kGood);
  e.copy = account(1, 1, 3 * kLength, 3 * kLength);
  return e;
}
inline Evidence with_test(const std::vector<SentPiece>& pieces, Ending ending = Ending::fin) {
  Evidence e = online_only();
  TapWriter test(e.test);
  write_connection(test, kTest, pieces, kClient, ending);
  return e;
}
inline Evidence good() { return with_test(kGood); }

inline Evidence recorded_good() {
  Evidence e = good();
  e.services[0].online_recording = Recording{{recorded({kOne, kTwo, kThree}, {100, 100, 100})}};
  e.services[0].test_recording = Recording{{recorded({kOne, kTwo, kThree}, {100, 100, 100})}};
  return e;
}

}  // namespace mirrorlab::verify
