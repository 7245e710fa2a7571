#include "sim/engine_host.h"

namespace mirrorlab::sim {

void EngineHost::start(Nanos now) {
  inputs_.clear();
  core_ = std::make_unique<engine::Core>(config_, sink_);
  core_->on_header_link(false, now);
}

void EngineHost::kill() {
  core_.reset();
  inputs_.clear();
}

void EngineHost::stop(Nanos now) {
  core_->stop_accepting();
  core_->shutdown(now);
  kill();
}

void EngineHost::queue(Packet&& packet, uint32_t payload_length) {
  Input in;
  in.packet = std::move(packet);
  in.payload_length = payload_length;
  inputs_.push_back(std::move(in));
}

void EngineHost::give(const Input& in, Nanos now) {
  wire::TcpPacket packet;
  packet.header = in.packet.header;
  packet.payload = in.packet.payload;
  packet.payload_length = in.payload_length;
  core_->on_client_packet(packet, now);
}

}  // namespace mirrorlab::sim
