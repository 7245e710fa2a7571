#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstring>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "harness/traffic/http.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/fd.h"

namespace mirrorlab::traffic {

namespace {
// splitmix64: the same seed gives the same sizes and think times everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t between(uint64_t low, uint64_t high) {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return low + (z ^ z >> 31) % (high - low + 1);
  }

 private:
  uint64_t state_;
};

struct Plan {
  std::string address;
  uint16_t port;
  uint32_t first_client;  // host order
  uint64_t clients, connections, requests;
  bool keep_alive;
  uint64_t seed, body_low, body_high, answer_low, answer_high, think_low_ms, think_high_ms;
};

struct Tally {
  std::atomic<uint64_t> requests{0}, errors{0}, sessions{0};
  std::mutex mutex;
  std::vector<int64_t> latencies_ns;
  std::string first_error;
  void fail(const std::string& what) {
    ++errors;
    const std::lock_guard lock(mutex);
    if (first_error.empty()) first_error = what;
  }
};

os::Fd connect_from(const Plan& p, uint32_t client) {
  os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  const timeval limit{20, 0};
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(client);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(p.port);
  ::inet_pton(AF_INET, p.address.c_str(), &to.sin_addr);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&from), sizeof from) < 0 ||
      ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) < 0) {
    return os::Fd();
  }
  return fd;
}

// Empty, or what went wrong with one request and its answer.
std::string exchange(int fd, const Plan& p, Random& random) {
  const uint64_t body = random.between(p.body_low, p.body_high);
  const uint64_t want = random.between(p.answer_low, p.answer_high);
  std::string request = (body > 0 ? "POST" : "GET") + std::string(" /item/") +
                        std::to_string(random.between(0, 999999)) +
                        " HTTP/1.1\r\nHost: online\r\nX-Answer-Bytes: " + std::to_string(want) +
                        "\r\nContent-Length: " + std::to_string(body) +
                        (p.keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
  for (uint64_t i = 0; i < body; ++i) request += static_cast<char>('A' + (i * 7 + body) % 26);
  for (size_t sent = 0; sent < request.size();) {
    const ssize_t n = ::send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return os::error_text("cannot send a request");
    sent += static_cast<size_t>(n);
  }
  std::string answer;
  std::array<char, 65536> buffer;
  size_t whole = std::string::npos;
  while (answer.size() < whole) {
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0)
      return n == 0 ? "the service closed before its answer" : os::error_text("no answer");
    answer.append(buffer.data(), static_cast<size_t>(n));
    const auto end = answer.find("\r\n\r\n");
    if (end != std::string::npos) whole = end + 4 + want;
  }
  return answer.starts_with("HTTP/1.1 200") && answer.size() == whole ? "" : "a wrong answer";
}

void think(const Plan& p, Random& random) {
  const auto ms = random.between(p.think_low_ms, p.think_high_ms);
  if (ms > 0) ::poll(nullptr, 0, static_cast<int>(ms));  // the user's pause is the workload
}

void run_connection(const Plan& p, uint64_t number, Tally& tally) {
  Random random(p.seed * 1000003 + number);
  const auto client = static_cast<uint32_t>(p.first_client + number % p.clients);
  os::Fd fd;
  std::vector<int64_t> latencies;
  for (uint64_t i = 0; i < p.requests; ++i) {
    think(p, random);
    if (!fd) {
      fd = connect_from(p, client);
      if (!fd) return tally.fail(os::error_text("cannot connect to " + p.address));
      ++tally.sessions;
    }
    const int64_t began = os::steady_now();
    if (const auto wrong = exchange(fd.get(), p, random); !wrong.empty()) return tally.fail(wrong);
    latencies.push_back(os::steady_now() - began);
    ++tally.requests;
    if (!p.keep_alive) {
      char byte = 0;
      while (::recv(fd.get(), &byte, 1, 0) > 0) {
      }
      fd.reset();
    }
  }
  const std::lock_guard lock(tally.mutex);
  tally.latencies_ns.insert(tally.latencies_ns.end(), latencies.begin(), latencies.end());
}
}  // namespace

int run_http_clients(const nlohmann::json& o) {
  in_addr first{};
  ::inet_pton(AF_INET, o.at("first_client").get<std::string>().c_str(), &first);
  const Plan p{o.at("address"),      o.at("port"),         ntohl(first.s_addr), o.at("clients"),
               o.at("connections"),  o.at("requests"),     o.at("keep_alive"),  o.at("seed"),
               o.at("body_low"),     o.at("body_high"),    o.at("answer_low"),  o.at("answer_high"),
               o.at("think_low_ms"), o.at("think_high_ms")};
  Tally tally;
  std::atomic<uint64_t> next{0};
  std::vector<std::thread> threads;
  const uint64_t at_once = std::min<uint64_t>(p.connections, o.at("concurrency"));
  for (uint64_t t = 0; t < at_once; ++t) {
    threads.emplace_back([&] {
      for (uint64_t n = 0; (n = next++) < p.connections;) run_connection(p, n, tally);
    });
  }
  for (auto& thread : threads) thread.join();
  auto& l = tally.latencies_ns;
  std::ranges::sort(l);
  const auto percentile = [&](size_t percent) {
    return l.empty() ? 0.0 : static_cast<double>(l[(l.size() - 1) * percent / 100]) / 1e6;
  };
  std::cout << nlohmann::json{{"sessions", tally.sessions.load()},
                              {"requests", tally.requests.load()},
                              {"errors", tally.errors.load()},
                              {"first_error", tally.first_error},
                              {"p50_ms", percentile(50)},
                              {"p99_ms", percentile(99)}}
            << std::endl;
  return tally.errors == 0 ? 0 : 1;
}

}  // namespace mirrorlab::traffic
