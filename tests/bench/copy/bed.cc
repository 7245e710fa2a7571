#include "bench/copy/bed.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "harness/net/netlink.h"

namespace mirrorlab::bench {

namespace {
void shell(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}
}  // namespace

CopyBed::CopyBed() {
  near_.run([&] {
    net::Netlink().add_veth("near", "far", far_.fd());
    net::switch_offloads_off("near");
  });
  far_.run([] {
    net::Netlink links;
    net::switch_offloads_off("far");
    links.add_address("far", "10.1.0.2/24");
    links.set_up("far");
    links.set_up("lo");
    // The clients' answers lead nowhere.
    shell("ip route add blackhole 10.9.0.0/16");
  });
  near_.run([] {
    net::Netlink links;
    links.add_address("near", "10.1.0.1/24");
    links.set_up("near");
    net::wait_running("near");
    links.add_route("10.2.0.0/24", "10.1.0.2", "10.1.0.1");
    // Why: the neighbour is asked for before the first packet is measured.
    shell("bash -c 'echo > /dev/udp/10.1.0.2/9'");
  });
}

}  // namespace mirrorlab::bench
