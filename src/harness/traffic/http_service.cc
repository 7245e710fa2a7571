#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

#include "harness/traffic/http.h"
#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::traffic {

namespace {
constexpr uint64_t kMaxAnswer = 64U << 20U;

uint64_t number_after(std::string_view head, std::string_view name) {
  const auto at = head.find(name);
  uint64_t value = 0;
  if (at == std::string_view::npos) return 0;
  std::from_chars(head.data() + at + name.size(), head.data() + head.size(), value);
  return value;
}

bool send_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    data.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// One connection until either side closes it.
void serve(os::Fd fd) {
  std::string in;
  std::array<char, 65536> buffer;
  for (;;) {
    const auto end = in.find("\r\n\r\n");
    const std::string_view head = std::string_view(in).substr(0, end);
    const uint64_t body = end == std::string::npos ? 0 : number_after(head, "Content-Length: ");
    if (end == std::string::npos || in.size() < end + 4 + body) {
      const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
      if (n <= 0) return;
      in.append(buffer.data(), static_cast<size_t>(n));
      continue;
    }
    const uint64_t size = std::min(number_after(head, "X-Answer-Bytes: "), kMaxAnswer);
    const bool close = head.find("Connection: close") != std::string_view::npos;
    in.erase(0, end + 4 + body);
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
    answer.append(size, 'a');
    if (!send_all(fd.get(), answer) || close) return;
  }
}
}  // namespace

int run_http_service(uint16_t port) {
  os::Fd listener(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  const int off = 0;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  ::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(listener.get(), 4096) < 0) {
    std::cerr << os::error_text("cannot serve port " + std::to_string(port)) << '\n';
    return 3;
  }
  std::cerr << "ready on port " << port << std::endl;
  for (;;) {
    os::Fd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    std::thread([](os::Fd own) { serve(std::move(own)); }, std::move(fd)).detach();
  }
}

}  // namespace mirrorlab::traffic
