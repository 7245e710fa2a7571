#include "harness/traffic/options.h"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <string_view>

namespace mirrorlab::traffic {

namespace {
// Takes keys off one object; finish() refuses what nobody asked for.
class Keys {
 public:
  explicit Keys(const nlohmann::json& object) : object_(object) {
    if (!object.is_object()) throw std::runtime_error("expected an object");
  }
  template <class T>
  void number(const char* key, T& value, uint64_t high = UINT64_MAX) {
    const auto* found = find(key);
    if (found == nullptr) return;
    if (!found->is_number_unsigned() || found->get<uint64_t>() > high) bad(key);
    value = found->get<T>();
  }
  void flag(const char* key, bool& value) {
    const auto* found = find(key);
    if (found == nullptr) return;
    if (!found->is_boolean()) bad(key);
    value = found->get<bool>();
  }
  void text(const char* key, std::string& value) {
    const auto* found = find(key);
    if (found == nullptr) return;
    if (!found->is_string()) bad(key);
    value = found->get<std::string>();
  }
  void span(const char* key, Span& value) {
    const auto* found = find(key);
    if (found == nullptr) return;
    if (!found->is_array() || found->size() != 2 || !(*found)[0].is_number_unsigned() ||
        !(*found)[1].is_number_unsigned() || (*found)[0] > (*found)[1]) {
      bad(key);
    }
    value = {(*found)[0].get<uint64_t>(), (*found)[1].get<uint64_t>()};
  }
  template <class E, size_t N>
  void choice(const char* key, E& value, const std::array<std::string_view, N>& names) {
    std::string name;
    text(key, name);
    if (name.empty()) return;
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) bad(key);
    value = static_cast<E>(found - names.begin());
  }
  const nlohmann::json* find(const char* key) {
    seen_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  void finish() const {
    for (const auto& [key, value] : object_.items()) {
      if (!seen_.contains(key)) throw std::runtime_error("unknown option `" + key + "`");
    }
  }
  [[noreturn]] static void bad(const char* key) {
    throw std::runtime_error(std::string("option `") + key + "` has no usable value");
  }

 private:
  const nlohmann::json& object_;
  std::set<std::string> seen_;
};

constexpr std::array<std::string_view, 5> kModes{"http", "greeting", "echo", "sink", "replay"};
constexpr std::array<std::string_view, 4> kRules{"same", "longer", "shorter", "none"};
constexpr std::array<std::string_view, 4> kFinishes{"close", "half-close", "reset", "cut"};
constexpr std::array<std::string_view, 5> kKinds{"http", "script", "redis", "raw", "replay"};
constexpr std::array<std::string_view, 9> kSteps{
    "connect", "send", "expect", "expect-close", "think", "half-close", "close", "reset", "repeat"};
constexpr int kMaxDepth = 8;

std::vector<Step> read_steps(const nlohmann::json& list, int depth) {
  if (!list.is_array() || depth > kMaxDepth) Keys::bad("script");
  std::vector<Step> steps;
  for (const auto& item : list) {
    Keys keys(item);
    Step step;
    keys.choice("do", step.kind, kSteps);
    keys.text("text", step.text);
    keys.span("size", step.size);
    keys.span("think_ns", step.think_ns);
    keys.number("times", step.times, 1'000'000'000);
    if (const auto* inner = keys.find("steps")) step.steps = read_steps(*inner, depth + 1);
    keys.finish();
    if (step.kind == StepKind::repeat && step.steps.empty()) Keys::bad("steps");
    steps.push_back(std::move(step));
  }
  return steps;
}

// The captured conversations that `capture` names.
SharedConversations read_conversations(Keys& keys) {
  std::string path;
  keys.text("capture", path);
  if (path.empty()) throw std::runtime_error("a replay needs its `capture`");
  auto loaded = load_conversations(path);
  if (!loaded) throw std::runtime_error(loaded.error());
  return std::move(*loaded);
}

ServiceOptions service_options(const nlohmann::json& json) {
  Keys keys(json);
  ServiceOptions o;
  keys.number("port", o.port, 65535);
  keys.choice("mode", o.mode, kModes);
  keys.text("record", o.record);
  keys.choice("answer", o.answer, kRules);
  keys.number("answer_every", o.answer_every);
  keys.number("interim", o.interim, 100);
  keys.number("close_after", o.close_after);
  keys.flag("close_by_reset", o.close_by_reset);
  keys.span("delay_ns", o.delay_ns);
  keys.number("write_size", o.write_size);
  keys.number("read_rate", o.read_rate);
  keys.number("window", o.window, 1U << 30U);
  keys.number("pause_percent", o.pause_percent, 1'000'000);
  keys.number("longest_pause_ns", o.longest_pause_ns);
  if (o.mode == ServiceMode::replay) o.conversations = read_conversations(keys);
  keys.finish();
  if (o.port == 0) Keys::bad("port");
  if (o.answer_every == 0) Keys::bad("answer_every");
  return o;
}

ClientOptions client_options(const nlohmann::json& json) {
  Keys keys(json);
  ClientOptions o;
  std::string service;
  std::string first;
  keys.choice("kind", o.kind, kKinds);
  keys.text("service", service);
  keys.text("first_client", first);
  const auto endpoint = wire::Endpoint::parse(service);
  if (!endpoint) Keys::bad("service");
  o.service = *endpoint;
  const auto address = wire::IpAddress::parse(first);
  if (!address || address->family() != o.service.address.family()) Keys::bad("first_client");
  o.first_client = *address;
  keys.number("clients", o.clients, 1'000'000);
  if (const auto* spaces = keys.find("spaces")) {
    o.spaces = spaces->get<std::vector<std::string>>();
    if (o.spaces.size() != o.clients) Keys::bad("spaces");
  }
  keys.number("connections", o.connections, 1'000'000);
  keys.number("concurrency", o.concurrency, 1'000'000);
  Span ports;
  keys.span("ports", ports);
  if (ports.high > 65535) Keys::bad("ports");
  o.first_port = static_cast<uint16_t>(ports.low);
  o.last_port = static_cast<uint16_t>(ports.high);
  keys.number("requests", o.requests);
  keys.flag("keep_alive", o.keep_alive);
  keys.number("pipeline", o.pipeline, 100'000);
  keys.span("body", o.body);
  keys.span("answer", o.answer);
  keys.span("think_ns", o.think_ns);
  keys.span("hold_ns", o.hold_ns);
  keys.number("spread_ns", o.spread_ns);
  keys.choice("finish", o.finish, kFinishes);
  keys.number("write_size", o.write_size);
  keys.number("read_rate", o.read_rate);
  keys.number("window", o.window, 1U << 30U);
  keys.text("path", o.path);
  keys.flag("check_size", o.check_size);
  if (const auto* script = keys.find("script")) o.script = read_steps(*script, 0);
  keys.span("value", o.value);
  keys.number("keys", o.keys, 1'000'000'000);
  keys.number("sets_ppm", o.sets_ppm, 1'000'000);
  keys.span("bytes", o.bytes);
  keys.span("chunk", o.chunk);
  keys.flag("echoed", o.echoed);
  keys.number("repeat", o.repeat, 1'000'000);
  keys.number("pause_percent", o.pause_percent, 1'000'000);
  keys.number("longest_pause_ns", o.longest_pause_ns);
  keys.number("quiet_ns", o.quiet_ns);
  if (o.kind == ClientKind::replay) {
    o.conversations = read_conversations(keys);
    o.connections = o.concurrency = o.conversations->all.size() * o.repeat;
    if (o.connections == 0 || o.connections > 1'000'000) Keys::bad("repeat");
  }
  keys.number("patience_ns", o.patience_ns);
  keys.text("progress", o.progress);
  keys.number("seed", o.seed);
  keys.finish();
  for (const auto* positive :
       {&o.clients, &o.connections, &o.concurrency, &o.requests, &o.pipeline, &o.keys}) {
    if (*positive == 0) throw std::runtime_error("counts begin at 1");
  }
  if (o.kind == ClientKind::script && o.script.empty()) Keys::bad("script");
  if (o.kind == ClientKind::raw && (o.bytes.low == 0 || o.chunk.low == 0)) Keys::bad("chunk");
  return o;
}

template <class T>
tl::expected<T, std::string> guarded(T (*read)(const nlohmann::json&), const nlohmann::json& json) {
  try {
    return read(json);
  } catch (const std::exception& e) {
    return tl::unexpected(std::string(e.what()));
  }
}
}  // namespace

tl::expected<ServiceOptions, std::string> read_service_options(const nlohmann::json& json) {
  return guarded(service_options, json);
}
tl::expected<ClientOptions, std::string> read_client_options(const nlohmann::json& json) {
  return guarded(client_options, json);
}

}  // namespace mirrorlab::traffic
