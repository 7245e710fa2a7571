// Header records through HeaderChannel, packed, framed, sent over TCP on the loopback device and
// read again, beside a bare loop that writes and reads as many bytes in pieces of 16 KB.
//
//   header_return_bench [MILLIONS] [--json FILE]
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/support/figures.h"
#include "os/header_channel.h"
#include "os/stream_socket.h"

namespace {
using namespace mirrorlab;
using os::HeaderChannel;

constexpr int kRounds = 5;
constexpr size_t kPerTurn = 2000;  // records written between two flushes

struct Pair {
  os::Fd server;
  os::Fd client;
};

Pair connect_pair() {
  auto listener = os::listen_on(*wire::Endpoint::parse("127.0.0.1:0"));
  auto client = os::start_connect(os::local_endpoint(listener->get()));
  Pair pair;
  pair.client = std::move(*client);
  while (!pair.server)
    pair.server.reset(::accept4(listener->get(), nullptr, nullptr, SOCK_NONBLOCK));
  return pair;
}

wire::HeaderRecord record() {
  wire::HeaderRecord r;
  r.flow = {*wire::Endpoint::parse("10.1.0.1:40000"), *wire::Endpoint::parse("10.2.0.2:8080")};
  r.flags = wire::tcp_flag::kAck;
  r.window = 500;
  r.payload_length = 1448;
  r.options.timestamps = wire::TcpTimestamps{1000, 2000};
  return r;
}

struct Rate {
  double ns = 0;  // CPU of both sides, a record
  uint64_t bytes = 0;
};

Rate through_channels(uint64_t count) {
  auto pair = connect_pair();
  HeaderChannel server(std::move(pair.server), HeaderChannel::Role::server, nullptr, 0);
  HeaderChannel client(std::move(pair.client), HeaderChannel::Role::client, nullptr, 0);
  server.start();
  while (!server.ready() || !client.ready()) {
    for (HeaderChannel* side : {&server, &client}) {
      side->on_writable(0);
      side->on_readable([](const wire::Frame&) {}, 0);
    }
  }
  const auto what = record();
  uint64_t sent = 0;
  uint64_t received = 0;
  const auto began = os::process_cpu();
  const HeaderChannel::Take take = [&](const wire::Frame& frame) {
    const auto taken = wire::for_each_item(frame, wire::take_record,
                                           [&](const wire::HeaderRecord&) { ++received; });
    if (!taken) std::abort();
  };
  while (received < count) {
    for (size_t i = 0; i < kPerTurn && sent < count && server.has_room(); ++i, ++sent) {
      wire::append_record(server.item(wire::FrameType::headers), what);
    }
    server.on_writable(0);
    client.on_readable(take, 0);
  }
  std::vector<uint8_t> one;
  wire::append_record(one, what);
  return {static_cast<double>(os::process_cpu() - began) / static_cast<double>(count),
          one.size() * count};
}

Rate bare_loop(uint64_t count, uint64_t bytes) {
  auto pair = connect_pair();
  std::array<uint8_t, 16384> piece{};
  std::array<uint8_t, 65536> buffer;
  uint64_t sent = 0;
  uint64_t received = 0;
  const auto began = os::process_cpu();
  while (received < bytes) {
    for (int i = 0; i < 6 && sent < bytes; ++i) {
      const auto n = ::send(pair.server.get(), piece.data(), std::min(piece.size(), bytes - sent),
                            MSG_DONTWAIT);
      if (n <= 0) break;
      sent += static_cast<uint64_t>(n);
    }
    for (;;) {
      const auto n = ::recv(pair.client.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n <= 0) break;
      received += static_cast<uint64_t>(n);
    }
  }
  return {static_cast<double>(os::process_cpu() - began) / static_cast<double>(count), bytes};
}
}  // namespace

int main(int argc, char** argv) {
  bench::Figures figures("header return", argc, argv);
  const uint64_t count = std::stoull(figures.argument(0, "4")) * 1'000'000;
  std::vector<double> bare;
  std::vector<double> ours;
  for (int round = 0; round < kRounds; ++round) {
    const auto o = through_channels(count);
    ours.push_back(o.ns);
    bare.push_back(bare_loop(count, o.bytes).ns);
  }
  std::ranges::sort(bare);
  std::ranges::sort(ours);
  const double b = bare[kRounds / 2];
  const double o = ours[kRounds / 2];
  std::cout << fmt::format(
      "header return: bare loop of 16 KB writes {:.1f} ns a record, ours {:.1f} ns, ratio {:.2f}"
      " ({:.1f} M records/s by one core for both sides)\n",
      b, o, o / b, 1e3 / o);
  figures.add("a record, both sides", "ns", o, b);
  return figures.write();
}
