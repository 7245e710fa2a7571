#include "harness/cli/leak_watch.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <sys/socket.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "os/error.h"

namespace mirrorlab::cli {

namespace {
std::string filter_text(const std::vector<wire::Endpoint>& services) {
  std::string text;
  for (const auto& service : services) {
    text += (text.empty() ? "(" : " or (") + std::string("src host ") +
            service.address.to_string() + " and tcp src port " + std::to_string(service.port) + ")";
  }
  return text;
}

// libpcap writes the filter; packets begin at the IP header, as in raw captures.
void attach(int fd, const std::string& text) {
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> compiler(pcap_open_dead(DLT_RAW, 65535),
                                                                &pcap_close);
  bpf_program program{};
  if (!compiler || pcap_compile(compiler.get(), &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN)) {
    throw std::runtime_error("cannot watch for leaks by `" + text +
                             "`: " + (compiler ? pcap_geterr(compiler.get()) : "no memory"));
  }
  static_assert(sizeof(bpf_insn) == sizeof(sock_filter));
  const sock_fprog kernel{static_cast<unsigned short>(program.bf_len),
                          reinterpret_cast<sock_filter*>(program.bf_insns)};
  const int done = ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &kernel, sizeof kernel);
  const std::string why = done < 0 ? os::error_text("cannot attach the filter of leaks") : "";
  pcap_freecode(&program);
  if (!why.empty()) throw std::runtime_error(why);
}
}  // namespace

LeakWatch::LeakWatch(const std::vector<wire::Endpoint>& services) {
  if (services.empty()) return;
  // Protocol 0: nothing arrives before the filter is there.
  fd_.reset(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) throw std::runtime_error(os::error_text("cannot open a packet socket for leaks"));
  attach(fd_.get(), filter_text(services));
  sockaddr_ll all{};
  all.sll_family = AF_PACKET;
  all.sll_protocol = htons(ETH_P_ALL);
  if (::bind(fd_.get(), reinterpret_cast<sockaddr*>(&all), sizeof all) < 0) {
    throw std::runtime_error(os::error_text("cannot bind the packet socket for leaks"));
  }
}

uint64_t LeakWatch::count() {
  char byte = 0;
  while (fd_ && ::recv(fd_.get(), &byte, sizeof byte, MSG_DONTWAIT | MSG_TRUNC) >= 0) ++count_;
  return count_;
}

}  // namespace mirrorlab::cli
