// How long a topology takes to be ready and to be gone, beside the least that the kernel itself
// needs for as many hosts (raw route netlink, nothing configured that is not needed to be
// reached).   topology_bench [ROUNDS] [--json FILE]   (root, or as root of a user namespace)
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <vector>

#include "bench/support/figures.h"
#include "harness/cli/topology.h"
#include "harness/scenario/scenario_file.h"
#include "os/clock.h"

namespace {
using namespace mirrorlab;

scenario::Scenario lab(const std::string& clients, const std::string& ip) {
  const std::string text =
      "schema: 1\nname: bench\nip: " + ip + "\nnodes:\n  clients: {role: clients, " + clients + R"(}
  online: {role: online, run: [{service: recorder, port: 80}]}
  test: {role: test, run: [{service: recorder, port: 80}]}
links:
  - {between: [clients, online]}
  - {between: [online, test]}
)";
  auto read = scenario::read_scenario_text(text, "bench.yaml");
  if (!read) throw std::runtime_error(read.error().text());
  return std::move(read->front());
}

struct Cost {
  double ready_ms = 0, gone_ms = 0, cpu_ms = 0;
};

double cpu_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

// Until `ready`, then `go`.
template <class Go>
Cost cost(os::Nanos began, double cpu, const Go& go) {
  const auto ready = os::steady_now();
  const double used = cpu_ms() - cpu;
  go();
  return {static_cast<double>(ready - began) / 1e6,
          static_cast<double>(os::steady_now() - ready) / 1e6, used};
}

// The kernel's own least: N namespaces, each with a device up and an address, all on one bridge.
Cost least(size_t hosts) {
  const auto began = os::steady_now();
  const double cpu = cpu_ms();
  std::optional<std::vector<net::Namespace>> spaces = net::Namespace::create_all(1, [](size_t) {});
  std::vector<std::unique_ptr<net::Netlink>> sockets;
  std::unique_ptr<net::Netlink> middle;
  constexpr auto kLater = net::Netlink::When::on_commit;
  spaces->front().run([&] {
    middle = std::make_unique<net::Netlink>(kLater);
    middle->add_bridge("bridge", 2);
  });
  sockets.resize(hosts);
  auto more = net::Namespace::create_all(
      hosts, [&](size_t i) { sockets[i] = std::make_unique<net::Netlink>(kLater); });
  for (size_t i = 0; i < hosts; ++i) {
    const std::string port = fmt::format("p{}", i);
    middle->add_veth({port, static_cast<int>(3 + i)}, {"eth0", 2}, more[i].fd(), 0, 2);
    middle->commit();
    sockets[i]->know("eth0", 2);
    sockets[i]->add_address("eth0", fmt::format("10.1.{}.{}/16", (i + 1) / 256, (i + 1) % 256));
    sockets[i]->set_up("eth0");
    sockets[i]->commit();
    middle->set_up(port);
  }
  middle->commit();
  return cost(began, cpu, [&] {
    sockets.clear();
    middle.reset();
    more.clear();
    spaces.reset();
  });
}

Cost build(const scenario::Scenario& s) {
  const auto began = os::steady_now();
  const double cpu = cpu_ms();
  const cli::Plan plan(s);
  std::optional<cli::Topology> topology(std::in_place, s, plan);
  return cost(began, cpu, [&] { topology.reset(); });
}

// Namespaces that are gone are taken apart by the kernel later, which the next round would pay for.
void wait_until_quiet(const scenario::Scenario& small) {
  for (const auto deadline = os::steady_now() + 5 * os::kNanosPerSecond;;) {
    if (build(small).ready_ms < 15 || os::steady_now() > deadline) return;
  }
}

template <class Run>
Cost median(size_t rounds, const Run& run) {
  const auto small = lab("count: 1", "v4");
  std::vector<double> ready;
  std::vector<double> gone;
  std::vector<double> cpu;
  for (size_t i = 0; i < rounds; ++i) {
    wait_until_quiet(small);
    const Cost c = run();
    ready.push_back(c.ready_ms);
    gone.push_back(c.gone_ms);
    cpu.push_back(c.cpu_ms);
  }
  for (auto* all : {&ready, &gone, &cpu}) std::ranges::sort(*all);
  return {ready[rounds / 2], gone[rounds / 2], cpu[rounds / 2]};
}
}  // namespace

int main(int argc, char** argv) {
  bench::Figures figures("topology", argc, argv);
  const size_t rounds = std::stoul(figures.argument(0, "7"));
  struct Case {
    const char* name;
    const char* clients;
    size_t hosts;
  };
  std::cout << "medians of " << rounds << " rounds, ms\n";
  for (const char* ip : {"v4", "v6"}) {
    for (const Case& c : {Case{"3 roles, 100 client addresses", "count: 100", 3},
                          Case{"16 client hosts", "count: 16, mode: netns", 16},
                          Case{"64 client hosts", "count: 64, mode: netns", 64},
                          Case{"256 client hosts", "count: 256, mode: netns", 256}}) {
      const auto s = lab(c.clients, ip);
      const Cost mine = median(rounds, [&] { return build(s); });
      const Cost raw = median(rounds, [&] { return least(c.hosts); });
      std::cout << fmt::format(
          "{} {:<30} ready {:6.1f} (CPU {:5.0f})  gone {:4.1f}   raw netlink {:6.1f} (CPU {:5.0f})"
          "   {:.2f} of it\n",
          ip, c.name, mine.ready_ms, mine.cpu_ms, mine.gone_ms, raw.ready_ms, raw.cpu_ms,
          mine.ready_ms / raw.ready_ms);
      figures.add(fmt::format("{} {}, ready", ip, c.name), "ms", mine.ready_ms, raw.ready_ms,
                  {{"cpu_ms", mine.cpu_ms}, {"gone_ms", mine.gone_ms}});
    }
  }
  return figures.write();
}
