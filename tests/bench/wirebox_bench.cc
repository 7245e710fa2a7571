// What the link stage carries in one direction, beside a bare loop of the same system calls in the
// same run, and how exact its delays are.   wirebox_bench [SECONDS [delay]] [--json FILE]   (root)
#include <fmt/format.h>
#include <sys/resource.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>

#include "bench/support/figures.h"
#include "bench/wirebox/bare_loop.h"
#include "bench/wirebox/delay.h"
#include "bench/wirebox/load.h"
#include "harness/wirebox/link.h"

namespace {
using namespace mirrorlab;

struct Case {
  const char* name;
  wirebox::Settings settings;
};

bench::Rate through_bare_loop(const bench::Traffic& t, double seconds) {
  const bench::Bed bed(t.segment != 0);
  const bench::BareLoop loop(bed);
  return bench::measure(bed, t, seconds, [&] { return loop.cpu(); });
}

bench::Rate through_link(const bench::Traffic& t, const wirebox::Settings& settings, double seconds,
                         wirebox::Figures& figures) {
  const bench::Bed bed(t.segment != 0);
  std::array<std::unique_ptr<wirebox::PacketPort>, 2> ports;
  for (const size_t i : {0U, 1U}) {
    bed.middle().run([&] {
      const size_t frame = t.segment != 0 ? 66 * 1024 : 1518;
      ports[i] = std::make_unique<wirebox::PacketPort>(
          i == 0 ? "na" : "nb", frame, wirebox::PacketPort::ample_ring_bytes(frame));
    });
  }
  wirebox::Link link("near-far", 1, std::move(ports[0]), std::move(ports[1]), settings, {});
  const auto rate = bench::measure(bed, t, seconds, [&] { return link.cpu_seconds(); });
  figures = link.figures();
  return rate;
}

void compare(bench::Figures& report, const bench::Traffic& t, double seconds,
             const std::vector<Case>& cases) {
  const auto bare = through_bare_loop(t, seconds);
  std::cout << fmt::format("{:<22} {:<22} {:7.0f} kpps {:6.2f} Gbit/s {:5.0f} ns of CPU a frame\n",
                           t.name, "bare loop", bare.kpps(), bare.gbits(), bare.cpu_ns());
  for (const Case& c : cases) {
    wirebox::Figures f;
    const auto rate = through_link(t, c.settings, seconds, f);
    std::cout << fmt::format(
        "{:<22} {:<22} {:7.0f} kpps {:6.2f} Gbit/s {:5.0f} ns of CPU a frame"
        "  {:.2f} of the bare loop  (offered {:.0f} kpps, ring drops {:.1f} %)\n",
        t.name, c.name, rate.kpps(), rate.gbits(), rate.cpu_ns(), rate.kpps() / bare.kpps(),
        rate.offered / rate.seconds / 1e3,
        100.0 * static_cast<double>(f.kernel_drops()) /
            static_cast<double>(std::max<uint64_t>(f.kernel[0].arrived, 1)));
    report.add(fmt::format("{}, {}", t.name, c.name), "ns", rate.cpu_ns(), bare.cpu_ns(),
               {{"kpps", rate.kpps()}, {"gbits", rate.gbits()}, {"bare_kpps", bare.kpps()}});
  }
}
}  // namespace

int main(int argc, char** argv) {
  bench::Figures figures("wirebox", argc, argv);
  const double seconds = std::stod(figures.argument(0, "2"));
  std::string load;
  std::getline(std::ifstream("/proc/loadavg"), load);
  std::cout << "load of the box " << load << '\n';
  const wirebox::Settings clean{};
  const wirebox::Settings delay{.delay = 5 * os::kNanosPerMilli};
  const wirebox::Settings lossy{.loss = 0.01, .reorder = 0.01, .duplicate = 0.01};
  for (const unsigned per_s : {5'000U, 20'000U, 50'000U}) {
    std::cout << bench::delay_error(5 * os::kNanosPerMilli, per_s, seconds) << '\n';
  }
  if (figures.argument(1, "") == "delay") return 0;
  compare(figures, {"64 B", 64}, seconds,
          {{"clean", clean}, {"5 ms", delay}, {"loss reorder duplicate", lossy}});
  compare(figures, {"1448 B", 1448 + 54}, seconds, {{"clean", clean}, {"5 ms", delay}});
  compare(figures, {"64 KiB super-packets", 54 + 44 * 1448, 1448}, seconds,
          {{"clean", clean}, {"5 ms", delay}, {"loss reorder duplicate", lossy}});
  return figures.write();
}
