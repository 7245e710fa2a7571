// Sessions as the links see them pass: numbered from 1 in the order in which clients open them,
// with their last packets, and breakpoints on them.
//
// A session is a client's connection to an online service together with its mirrored one. The test
// host's replies are taken away before they reach a link; their headers are seen on their way to
// the copy engine.
// Bounded: the last kMaxSessions are known, older ones are forgotten.
//
// Threads: any; the links' own call see().
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/cli/header_stream.h"
#include "harness/cli/lab_context.h"
#include "harness/scenario/break_expression.h"
#include "harness/wirebox/gate.h"
#include "os/fd.h"

namespace mirrorlab::cli {

using scenario::BreakExpression;
using scenario::kOrigins;
using scenario::Origin;
using scenario::parse_break;
using scenario::Sighting;
using scenario::to_string;

class SessionWatch {
 public:
  static constexpr size_t kMaxSessions = 10'000;
  static constexpr size_t kLastPackets = 8;

  struct Counts {
    uint64_t packets = 0;
    uint64_t bytes = 0;  // of data
  };
  struct Session {
    unsigned number = 0;
    wire::Endpoint client;
    size_t service = 0;  // index of the mapping
    wire::Seq isn;
    std::array<Counts, kOrigins> counts;  // by Origin
    std::deque<std::string> last;         // packets in words, the newest at the end
  };
  struct Service {
    wire::Endpoint online, test;
    std::string online_node, test_node;
  };
  struct Hit {
    unsigned breakpoint = 0;
    std::string text;
    unsigned session = 0;
    std::string packet;
  };

  // Outlives the links whose packets it sees. Throws std::runtime_error.
  explicit SessionWatch(const LabContext& lab);

  // True when a breakpoint is hit by this packet.
  bool see(const wirebox::Arrival& arrival);

  unsigned add(const BreakExpression& expression);
  bool remove(unsigned breakpoint);
  // Calls `act` once, when a packet matches, on the link's thread and with the watch's lock held;
  // it must not call the watch. Nothing is stopped for it.
  void wait_for(const BreakExpression& expression, std::function<void()> act);
  // None of them is called any more once this has returned.
  void forget_waits();
  [[nodiscard]] std::map<unsigned, BreakExpression> breakpoints();
  // Readable when something was hit; the hits since the last time.
  [[nodiscard]] int fd() const { return hit_.get(); }
  [[nodiscard]] std::vector<Hit> take_hits();

  [[nodiscard]] std::optional<Session> session(unsigned number);
  [[nodiscard]] std::vector<Session> last_sessions(size_t count);
  [[nodiscard]] unsigned opened();  // so far
  [[nodiscard]] const std::vector<Service>& services() const { return services_; }

 private:
  struct Packet {  // as it is about a session
    Origin from;
    wire::Endpoint client;
    size_t service;
    const wire::TcpHeader* header;
    uint32_t payload;
    std::string_view link;
    bool first_hop;
    bool by_header;
  };
  [[nodiscard]] std::optional<Packet> classify(const wire::TcpPacket& packet,
                                               const std::string& sender) const;
  bool note(const Packet& packet);
  Session* find_or_open(const Packet& packet);
  bool see_header_connection(const wire::TcpPacket& packet, const wirebox::Arrival& arrival);

  struct Ends {
    std::string a, b;
  };
  std::map<std::string, Ends, std::less<>> links_;
  std::vector<Service> services_;
  std::map<std::string, bool> is_clients_;                      // by node
  std::unordered_map<wire::Endpoint, std::string> intercepts_;  // where each listens, and its node

  std::mutex mutex_;
  std::unordered_map<wire::FlowKey, unsigned> numbers_;
  std::map<unsigned, Session> sessions_;
  unsigned opened_ = 0;
  std::unordered_map<wire::FlowKey, HeaderStream> header_streams_;
  std::map<unsigned, BreakExpression> breakpoints_;
  unsigned next_breakpoint_ = 1;
  struct Wait {
    BreakExpression expression;
    std::function<void()> act;
  };
  std::vector<Wait> waits_;
  std::vector<Hit> hits_;
  os::Fd hit_;
};

}  // namespace mirrorlab::cli
