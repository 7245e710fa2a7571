#include "engine/driver/copy_engine.h"

#include <sys/resource.h>

#include <algorithm>

#include "engine/driver/counters_json.h"
#include "os/atomic_file.h"
#include "os/error.h"

namespace mirrorlab::engine {

tl::expected<std::unique_ptr<CopyEngine>, std::string> CopyEngine::create(
    os::EventLoop& loop, const CopyOptions& options, const os::SharedKey* key) {
  std::unique_ptr<CopyEngine> e(new CopyEngine(options));
  e->loop_ = &loop;
  std::vector<uint16_t> ports;
  for (const Mapping& m : options.core.mappings) {
    if (std::ranges::find(ports, m.online.port) == ports.end()) ports.push_back(m.online.port);
  }
  auto sender = os::RawSender::open();
  if (!sender) return tl::unexpected(sender.error());
  e->sender_ = std::make_unique<os::RawSender>(std::move(*sender));
  if (!options.session_log.empty()) {
    e->session_log_ = std::fopen(options.session_log.c_str(), "we");
    if (e->session_log_ == nullptr)
      return os::failure("cannot open --session-log " + options.session_log);
  }
  e->core_ = std::make_unique<Core>(options.core, static_cast<Sink&>(*e));
  auto capture = os::PacketCapture::open(options.device, ports);
  if (!capture) return tl::unexpected(capture.error());
  e->capture_ = std::make_unique<os::PacketCapture>(std::move(*capture));
  CopyEngine* raw = e.get();
  auto watched = loop.add(raw->capture_->fd(), EPOLLIN, [raw](uint32_t, int64_t now) {
    // Bounded, so that a flood does not keep the header records waiting.
    for (int round = 0; round < 8; ++round) {
      const bool more = raw->capture_->read(
          [&](const wire::TcpPacket& packet) { raw->core_->on_client_packet(packet, now); });
      if (!more) break;
    }
  });
  if (!watched) return tl::unexpected(watched.error());
  for (const auto& intercept : options.intercepts) {
    raw->clients_.push_back(std::make_unique<HeaderClient>(
        loop, intercept, key,
        [raw](const wire::HeaderRecord& r, int64_t now) { raw->core_->on_header(r, now); },
        [raw](bool, int64_t now) { raw->core_->on_header_link(raw->link_up(), now); }));
  }
  e->timer_ = loop.add_timer([raw](int64_t now) { raw->core_->on_timer(now); });
  loop.after_batch([raw](int64_t now) { raw->end_turn(now); });
  return e;
}

CopyEngine::~CopyEngine() {
  if (session_log_ != nullptr) std::fclose(session_log_);
}

void CopyEngine::start(int64_t now) {
  core_->on_header_link(false, now);
  for (auto& client : clients_) client->start();
}

bool CopyEngine::link_up() const {
  return std::ranges::all_of(clients_, [](const auto& c) { return c->up(); });
}
std::string CopyEngine::link_failure() const {
  for (const auto& client : clients_) {
    if (!client->up()) return client->last_failure();
  }
  return {};
}

void CopyEngine::end_turn(int64_t now) {
  core_->flush(now);
  // Why claims first: the reply must not be faster than the word whose it is.
  for (auto& client : clients_) client->flush();
  sender_->flush();
  loop_->set_timer(timer_, core_->next_wakeup());
}

void CopyEngine::transmit(const wire::TcpHeader& header, wire::Bytes payload) {
  const bool mapped = std::ranges::any_of(options_.core.mappings,
                                          [&](const Mapping& m) { return m.test == header.dst; });
  if (!mapped) {
    ++refused_destination_;
    return;
  }
  sender_->send(header, payload);
}

void CopyEngine::claim(const wire::FlowKey& mirrored) {
  for (auto& client : clients_) client->claim(mirrored, true);
}
void CopyEngine::unclaim(const wire::FlowKey& mirrored) {
  for (auto& client : clients_) client->claim(mirrored, false);
}

void CopyEngine::on_session_end(const SessionReport& report) {
  if (session_log_ == nullptr) return;
  const std::string line = report_json(report).dump() + "\n";
  std::fwrite(line.data(), 1, line.size(), session_log_);
}

void CopyEngine::stop(int64_t now) {
  core_->stop_accepting();
  core_->shutdown(now);
  end_turn(now);
}

tl::expected<void, std::string> CopyEngine::write_counters() {
  if (session_log_ != nullptr && std::fflush(session_log_) != 0) {
    return os::failure("cannot write --session-log " + options_.session_log);
  }
  if (options_.counters_file.empty()) return {};
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  const auto& capture = capture_->counters();
  const auto& sent = sender_->counters();
  HeaderClientCounters link;
  for (const auto& client : clients_) {
    link.connects += client->counters().connects;
    link.breaks += client->counters().breaks;
    link.records += client->counters().records;
    link.claims_refused += client->counters().claims_refused;
  }
  const nlohmann::json all = {{"account", account_json(core_->account())},
                              {"counters", counters_json(core_->counters())},
                              {"capture",
                               {{"packets", capture.packets},
                                {"kernel_drops", capture.kernel_drops},
                                {"bad_checksum", capture.bad_checksum},
                                {"fragments", capture.fragments},
                                {"malformed", capture.malformed},
                                {"not_for_us", capture.not_for_us}}},
                              {"inject",
                               {{"packets", sent.packets},
                                {"bytes", sent.bytes},
                                {"errors", sent.errors},
                                {"refused_destination", refused_destination_}}},
                              {"header_return",
                               {{"connects", link.connects},
                                {"breaks", link.breaks},
                                {"records", link.records},
                                {"claims_refused", link.claims_refused}}},
                              {"drained", core_->drained()},
                              {"memory_bytes", core_->memory_bytes()},
                              {"cpu_s", seconds(usage.ru_utime) + seconds(usage.ru_stime)},
                              {"peak_rss_bytes", usage.ru_maxrss * 1024}};
  return os::write_file(options_.counters_file, all.dump(2) + "\n");
}

}  // namespace mirrorlab::engine
