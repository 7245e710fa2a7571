#include "harness/verify/recording.h"

#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "os/error.h"

namespace mirrorlab::verify {

namespace {
uint64_t hex(const std::string& text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

RecordedConnection read_one(const nlohmann::json& j) {
  RecordedConnection c;
  const auto client = wire::Endpoint::parse(j.at("client").get<std::string>());
  if (!client) throw std::runtime_error("no client endpoint");
  c.client = *client;
  c.accepted_ns = j.at("accepted_ns");
  c.bytes = j.at("bytes");
  c.digest = hex(j.at("digest"));
  c.answer_bytes = j.at("answer_bytes");
  c.answer_digest = hex(j.at("answer_digest"));
  c.requests = j.at("requests");
  c.close = j.at("close");
  c.turns_left_out = j.at("turns_left_out");
  const auto& turns = j.at("turns");
  if (turns.size() % 5 != 0) throw std::runtime_error("turns are not in fives");
  for (size_t i = 0; i < turns.size(); i += 5) {
    c.turns.push_back({turns[i], turns[i + 1], turns[i + 2], turns[i + 3], turns[i + 4]});
  }
  return c;
}
}  // namespace

tl::expected<Recording, std::string> read_recording(const std::string& path) {
  std::ifstream in(path);
  if (!in) return os::failure("cannot read the recording " + path);
  Recording recording;
  size_t number = 0;
  try {
    for (std::string line; std::getline(in, line);) {
      ++number;
      recording.connections.push_back(read_one(nlohmann::json::parse(line)));
    }
  } catch (const std::exception& e) {
    return tl::unexpected(path + ":" + std::to_string(number) + ": " + e.what());
  }
  return recording;
}

}  // namespace mirrorlab::verify
