#include "engine/driver/crew.h"

#include <algorithm>

#include "engine/driver/counters_json.h"

namespace mirrorlab::engine {

namespace {
// What is said of the same thing by every thread is not a sum.
bool is_shared(const std::string& key) { return key == "intercepts"; }

void add(nlohmann::json& sum, const nlohmann::json& more) {
  for (const auto& [key, value] : more.items()) {
    if (!sum.contains(key)) {
      sum[key] = value;
    } else if (value.is_object()) {
      add(sum[key], value);
    } else if (value.is_boolean()) {
      sum[key] = sum[key].get<bool>() && value.get<bool>();
    } else if (value.is_number() && !is_shared(key)) {
      sum[key] = sum[key].get<uint64_t>() + value.get<uint64_t>();
    }
  }
}

void add(Account& sum, const Account& more) {
  sum.sessions_captured += more.sessions_captured;
  sum.sessions_mirrored += more.sessions_mirrored;
  sum.sessions_live += more.sessions_live;
  sum.bytes_captured += more.bytes_captured;
  sum.bytes_mirrored += more.bytes_mirrored;
  sum.bytes_pending += more.bytes_pending;
  for (size_t i = 0; i < kLossReasons; ++i) {
    sum.sessions_lost[i] += more.sessions_lost[i];
    sum.bytes_lost[i] += more.bytes_lost[i];
  }
}
}  // namespace

Made<Crew> Crew::create(const CopyOptions& options, const CopyParts& parts,
                        const os::SharedKey* key, const std::function<void()>& wake) {
  std::unique_ptr<Crew> crew(new Crew);
  crew->options_ = options;
  crew->parts_ = parts;
  CopyOptions own = options;
  own.capture.split.count = options.threads;
  // Each thread has its share of the limits.
  own.core.max_total_bytes = std::max<uint64_t>(options.core.max_total_bytes / options.threads, 1);
  own.core.max_sessions = std::max(options.core.max_sessions / options.threads, 1U);
  own.capture.fanout_group = std::make_shared<int>(-1);
  for (uint32_t i = 0; i < options.threads; ++i) {
    own.capture.split.index = i;
    CopyParts own_parts = parts;
    if (i > 0) own_parts.notice = nullptr;  // all would say the same
    auto thread = CopyThread::create(own, std::move(own_parts), key, wake);
    if (!thread) return tl::unexpected(thread.error());
    crew->threads_.push_back(std::move(*thread));
  }
  for (auto& thread : crew->threads_) thread->run();
  return crew;
}

void Crew::each(const Work& work) {
  for (auto& thread : threads_) thread->call(work);
}

void Crew::start() {
  each([](CopyEngine& e, os::Nanos now) { e.start(now); });
}
void Crew::begin() {
  each([](CopyEngine& e, os::Nanos) { e.begin(); });
}
void Crew::stop_accepting() {
  each([](CopyEngine& e, os::Nanos) { e.stop_accepting(); });
}
void Crew::stop() {
  each([](CopyEngine& e, os::Nanos now) { e.stop(now); });
}

bool Crew::links_up() {
  bool up = true;
  each([&](CopyEngine& e, os::Nanos) { up = up && e.link_up(); });
  return up;
}
std::string Crew::link_failure() {
  std::string why;
  each([&](CopyEngine& e, os::Nanos) {
    if (why.empty()) why = e.link_failure();
  });
  return why;
}
bool Crew::capture_ended() {
  bool ended = true;
  each([&](CopyEngine& e, os::Nanos) { ended = ended && e.capture_ended(); });
  return ended;
}
bool Crew::drained() {
  bool drained = true;
  each([&](CopyEngine& e, os::Nanos) { drained = drained && e.drained(); });
  return drained;
}
std::string Crew::failure() {
  std::string why;
  for (auto& thread : threads_) {
    thread->call([&](CopyEngine&, os::Nanos) {
      if (why.empty()) why = thread->failure();
    });
  }
  return why;
}

nlohmann::json Crew::figures() {
  nlohmann::json sum = nlohmann::json::object();
  each([&](CopyEngine& e, os::Nanos) { add(sum, e.figures()); });
  sum["threads"] = threads_.size();
  sum.update(usage_json());
  return sum;
}

Account Crew::account() {
  Account sum;
  each([&](CopyEngine& e, os::Nanos) { add(sum, e.core().account()); });
  return sum;
}

tl::expected<void, std::string> Crew::write_figures() {
  std::string failed;
  each([&](CopyEngine& e, os::Nanos) {
    auto done = e.flush_session_log();
    if (!done && failed.empty()) failed = done.error();
  });
  if (!options_.counters_file.empty()) {
    if (auto done = parts_.write_figures(options_.counters_file, figures()); !done) return done;
  }
  if (!failed.empty()) return tl::unexpected(failed);
  return {};
}

}  // namespace mirrorlab::engine
