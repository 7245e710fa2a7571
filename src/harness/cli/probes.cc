#include "harness/cli/probes.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

#include "harness/net/namespace.h"
#include "harness/net/netlink.h"
#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::cli {

namespace {
constexpr const char* kRoot = "run as root";

// Empty when it works, else why not.
using Probe = std::function<std::string()>;

std::string socket_opens(int family, int type, int protocol) {
  const os::Fd fd(::socket(family, type | SOCK_CLOEXEC, protocol));
  return fd ? "" : os::error_text("refused", errno, errno == EPERM ? kRoot : "");
}

std::string packet_option(int option, const void* value, socklen_t length) {
  const os::Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!fd) return os::error_text("no packet socket", errno, kRoot);
  return ::setsockopt(fd.get(), SOL_PACKET, option, value, length) == 0 ? ""
                                                                        : os::error_text("refused");
}

std::string ring_works() {
  const os::Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!fd) return os::error_text("no packet socket", errno, kRoot);
  const int version = TPACKET_V3;
  tpacket_req3 ring{};
  ring.tp_block_size = 1U << 16U;
  ring.tp_block_nr = 4;
  ring.tp_frame_size = 2048;
  ring.tp_frame_nr = ring.tp_block_size / ring.tp_frame_size * ring.tp_block_nr;
  ring.tp_retire_blk_tov = 1;
  const bool works =
      ::setsockopt(fd.get(), SOL_PACKET, PACKET_VERSION, &version, sizeof version) == 0 &&
      ::setsockopt(fd.get(), SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) == 0;
  return works ? "" : os::error_text("refused");
}

std::string large_buffers() {
  const os::Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const int bytes = 64 << 20;
  return ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) == 0
             ? ""
             : os::error_text("refused");
}

std::string veth_works() {
  const std::unique_ptr<nl_sock, void (*)(nl_sock*)> socket(nl_socket_alloc(), nl_socket_free);
  if (nl_connect(socket.get(), NETLINK_ROUTE) < 0) return "no route netlink socket";
  const std::unique_ptr<rtnl_link, void (*)(rtnl_link*)> link(rtnl_link_veth_alloc(),
                                                              rtnl_link_put);
  rtnl_link_set_name(link.get(), "probe");
  const int result = rtnl_link_add(socket.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  return result == 0 ? "" : nl_geterror(result);
}

std::string bridge_works() {
  try {
    net::Netlink().add_bridge("probe-bridge", 0);
    return {};
  } catch (const std::exception& e) {
    return e.what();
  }
}

// The whole range of ids is mapped to itself: no user namespace lies between.
std::string real_root() {
  std::ifstream in("/proc/self/uid_map");
  uint64_t inside = 0;
  uint64_t outside = 0;
  uint64_t count = 0;
  in >> inside >> outside >> count;
  if (::geteuid() != 0) return "an ordinary user";
  return in && inside == 0 && outside == 0 && count == UINT32_MAX ? "" : "in a user namespace";
}

std::string qdisc_works(const char* kind) {
  const std::unique_ptr<nl_sock, void (*)(nl_sock*)> socket(nl_socket_alloc(), nl_socket_free);
  if (nl_connect(socket.get(), NETLINK_ROUTE) < 0) return "no route netlink socket";
  const std::unique_ptr<rtnl_qdisc, void (*)(rtnl_qdisc*)> qdisc(rtnl_qdisc_alloc(),
                                                                 rtnl_qdisc_put);
  rtnl_tc* tc = TC_CAST(qdisc.get());
  rtnl_tc_set_ifindex(tc, 1);
  const bool clsact = std::string_view(kind) == "clsact";
  rtnl_tc_set_parent(tc, clsact ? TC_H_CLSACT : TC_H_ROOT);
  rtnl_tc_set_handle(tc, clsact ? TC_HANDLE(0xffff, 0) : TC_HANDLE(1, 0));
  const int made = rtnl_tc_set_kind(tc, kind);
  if (std::string_view(kind) == "tbf") {  // it refuses to be made without these
    rtnl_qdisc_tbf_set_rate(qdisc.get(), 1'000'000, 10'000, 0);
    rtnl_qdisc_tbf_set_limit(qdisc.get(), 100'000);
  }
  const int result = made < 0 ? made : rtnl_qdisc_add(socket.get(), qdisc.get(), NLM_F_CREATE);
  return result == 0 ? "" : nl_geterror(result);
}

std::string bpf_works() {
  // r0 = 0; exit: the smallest program there is.
  const bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
                           {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  const char license[] = "GPL";
  bpf_attr attr{};
  attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  attr.insns = reinterpret_cast<uint64_t>(code);
  attr.insn_cnt = 2;
  attr.license = reinterpret_cast<uint64_t>(license);
  const os::Fd fd(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
  return fd ? "" : os::error_text("refused", errno, errno == EPERM ? kRoot : "");
}

std::string opens(const char* path, int flags) {
  const os::Fd fd(::open(path, flags | O_CLOEXEC));
  return fd ? "" : os::error_text(std::string("cannot open ") + path);
}

std::string run_quietly(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen((command + " 2>&1").c_str(), "re"),
                                                   ::pclose);
  if (!pipe) return os::error_text("cannot run a shell");
  std::string output;
  for (int c = 0; (c = std::fgetc(pipe.get())) != EOF;)
    output += static_cast<char>(c == '\n' ? ' ' : c);
  return output;
}

// The rule is made and forgotten with the namespace.
std::string queue_rule(const std::string& program) {
  const auto said =
      run_quietly("PATH=$PATH:/usr/sbin:/sbin " + program +
                  " -w -t mangle -A OUTPUT -p tcp --sport 9 -j NFQUEUE --queue-num 9");
  return said.empty() ? "" : said + "(package iptables, kernel with NFQUEUE)";
}

std::string sysctl_writes(const std::string& path, const std::string& value) {
  std::ofstream out("/proc/sys/" + path);
  out << value << std::flush;
  return out ? "" : "cannot write " + value + " to /proc/sys/" + path;
}

std::string found_program(const std::string& name) {
  const char* path = ::getenv("PATH");
  std::istringstream in(std::string(path != nullptr ? path : "") + ":/usr/sbin:/sbin");
  for (std::string directory; std::getline(in, directory, ':');) {
    if (::access((directory + "/" + name).c_str(), X_OK) == 0) return directory + "/" + name;
  }
  return {};
}
}  // namespace

std::vector<Capability> probe_kernel() {
  const int one = 1;
  struct Entry {
    const char* name;
    Need need;
    Probe probe;
    const char* in_place;
  };
  const std::vector<Entry> entries{
      {"root, not of a user namespace", Need::some, real_root, ""},
      {"veth pairs", Need::always, veth_works, ""},
      {"bridges", Need::some, bridge_works, ""},
      {"packet sockets", Need::always, [] { return socket_opens(AF_PACKET, SOCK_RAW, 0); }, ""},
      {"raw sockets, IPv4", Need::always, [] { return socket_opens(AF_INET, SOCK_RAW, 255); }, ""},
      {"raw sockets, IPv6", Need::some, [] { return socket_opens(AF_INET6, SOCK_RAW, 255); }, ""},
      {"capture without own packets", Need::always,
       [&] { return packet_option(PACKET_IGNORE_OUTGOING, &one, sizeof one); }, ""},
      {"NFQUEUE, netlink", Need::always,
       [] { return socket_opens(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER); }, ""},
      {"NFQUEUE, IPv4 rule", Need::always, [] { return queue_rule("iptables"); }, ""},
      {"NFQUEUE, IPv6 rule", Need::some, [] { return queue_rule("ip6tables"); }, ""},
      {"reno congestion control", Need::some,
       [] { return sysctl_writes("net/ipv4/tcp_congestion_control", "reno"); },
       "the host's own; expect spurious retransmissions with bbr"},
      {"64 MiB socket buffers", Need::never, large_buffers, "what net.core.rmem_max allows"},
      {"packet rings (TPACKET_V3)", Need::never, ring_works, "recvmmsg"},
      {"super-packet headers (vnet_hdr)", Need::some,
       [&] { return packet_option(PACKET_VNET_HDR, &one, sizeof one); }, ""},
      {"netem", Need::never, [] { return qdisc_works("netem"); }, "mirrorlab's own link stage"},
      {"token bucket (tbf)", Need::never, [] { return qdisc_works("tbf"); },
       "mirrorlab's own link stage"},
      {"clsact", Need::never, [] { return qdisc_works("clsact"); }, "NFQUEUE"},
      {"eBPF programs", Need::never, bpf_works, "NFQUEUE and packet sockets"},
      {"tun devices", Need::never, [] { return opens("/dev/net/tun", O_RDWR); }, "veth pairs"},
  };
  std::vector<Capability> all;
  Capability spaces{"network namespaces", Need::always, true, "", ""};
  try {
    net::Namespace::create().run([&] {
      for (const auto& entry : entries) {
        const auto refusal = entry.probe();
        all.push_back({entry.name, entry.need, refusal.empty(), refusal, entry.in_place});
      }
    });
  } catch (const std::exception& e) {
    spaces.there = false;
    spaces.detail = e.what();
  }
  all.insert(all.begin(), spaces);
  return all;
}

std::vector<Capability> probe_programs(const std::string& programs) {
  std::vector<Capability> all;
  for (const char* engine : {"mirror-copy", "mirror-intercept"}) {
    const std::string path = programs + "/" + engine;
    const bool there = ::access(path.c_str(), X_OK) == 0;
    all.push_back(
        {engine, Need::always, there, there ? path : "not at " + path + ": run ci/build", ""});
  }
  struct Package {
    const char* program;
    const char* package;
    Need need;
  };
  for (const auto& [program, package, need] : {Package{"iptables", "iptables", Need::always},
                                               {"ip6tables", "iptables", Need::some},
                                               {"nginx", "nginx-light", Need::some},
                                               {"wrk", "wrk", Need::some},
                                               {"curl", "curl", Need::some},
                                               {"redis-server", "redis-server", Need::some},
                                               {"redis-benchmark", "redis-tools", Need::some},
                                               {"memcached", "memcached", Need::some}}) {
    const auto path = found_program(program);
    all.push_back({program, need, !path.empty(),
                   path.empty() ? std::string("not on PATH: install the package ") + package : path,
                   ""});
  }
  return all;
}

}  // namespace mirrorlab::cli
