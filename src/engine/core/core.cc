#include "engine/core/core.h"

#include "engine/core/session_table.h"

namespace mirrorlab::engine {

Core::Core(const Config& config, Sink& sink)
    : table_(std::make_unique<SessionTable>(config, sink)) {}
Core::~Core() = default;

void Core::on_client_packet(const wire::TcpPacket& packet, Nanos now) {
  table_->on_client_packet(packet, now);
}
void Core::on_client_packets(std::span<const wire::TcpPacket> packets, Nanos now) {
  table_->on_client_packets(packets, now);
}
void Core::on_headers(std::span<const wire::HeaderRecord> records, Nanos now) {
  table_->on_headers(records, now);
}
void Core::on_header(const wire::HeaderRecord& record, Nanos now) {
  table_->on_header(record, now);
}
void Core::on_header_link(const wire::Endpoint& test, bool up, Nanos now) {
  table_->on_header_link(&test, up, now);
}
void Core::on_header_link(bool up, Nanos now) { table_->on_header_link(nullptr, up, now); }
void Core::on_header_late(const wire::Endpoint& test, Nanos now) {
  table_->on_header_late(test, now);
}
void Core::claim_again() { table_->claim_again(); }
void Core::on_capture_loss(Nanos now) { table_->on_capture_loss(now); }
void Core::flush(Nanos now) { table_->flush(now); }
void Core::flush_some(Nanos now, uint64_t segments) { table_->flush_some(now, segments); }
void Core::on_timer(Nanos now) {
  table_->fire_timers(now);
  table_->flush(now);
}
void Core::fire_timers(Nanos now) { table_->fire_timers(now); }
Nanos Core::next_wakeup() const { return table_->next_wakeup(); }
void Core::stop_accepting() { table_->stop_accepting(); }
void Core::shutdown(Nanos now) { table_->shutdown(now); }
bool Core::drained() const { return table_->drained(); }
const Account& Core::account() const { return table_->env().account; }
const Counters& Core::counters() const { return table_->env().counters; }
uint64_t Core::memory_bytes() const { return table_->memory_bytes(); }
std::string Core::check_invariants() const { return table_->check_invariants(); }

}  // namespace mirrorlab::engine
