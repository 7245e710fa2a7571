// A scenario as read: what is built, what runs in it, what goes wrong in it and what must hold.
//
// Every reference (a node, a service, an engine, a port) has been checked by the reader; names are
// kept as names, for messages.
#pragma once

#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/scenario/break_expression.h"
#include "harness/scenario/error.h"
#include "harness/scenario/expression.h"
#include "harness/scenario/units.h"

namespace mirrorlab::scenario {

enum class Ip : uint8_t { v4, v6 };
// A bridge joins its links into one network; every other node is a host, and routes.
enum class Role : uint8_t { clients, online, test, assistant, router, bridge };

// What shows that a program is ready. Nothing set: ready once it runs.
struct Readiness {
  std::optional<uint16_t> listen;      // a TCP socket of its namespace listens on this port
  std::optional<std::string> log;      // a line of its output holds this text
  std::optional<std::string> file;     // this file exists
  std::optional<std::string> command;  // this command, on its node, exits with 0
  Duration within = std::chrono::seconds(10);
};

enum class ServiceKind : uint8_t { recorder, nginx, redis, memcached, command };

// Captured conversations, for `kind: pcap` and `service: replay`.
struct Replay {
  std::string file;  // pcap or pcapng, beside the scenario file
  double speed = 1;  // pauses are divided by it; 0: none are kept
  Duration longest_pause = std::chrono::seconds(1);
};

// How the built-in service behaves (docs/SCENARIO.md). Zero: as it comes.
struct Recorder {
  std::string mode = "http";    // http, greeting, echo, sink; replay for `service: replay`
  std::string answer = "same";  // same, longer, shorter, none
  uint64_t answer_every = 1;    // the rule above holds for every n-th answer
  uint64_t interim = 0;         // 1xx answers before each final one
  uint64_t close_after = 0;     // answers, then the service closes first
  bool close_by_reset = false;
  Range<Duration> delay{};  // from the whole request to its answer
  uint64_t write_size = 0;  // bytes of one write
  uint64_t read_rate = 0;   // bytes per second and connection
  uint64_t window = 0;      // bytes of receive buffer
  Replay replay;
};

struct Service {
  std::string id;
  ServiceKind kind = ServiceKind::recorder;
  uint16_t port = 0;
  std::string command;               // ServiceKind::command; {placeholders} allowed
  std::vector<std::string> options;  // appended to the command line
  Recorder recorder;                 // ServiceKind::recorder
  Readiness ready;
  int stop_signal = SIGTERM;  // asks it to end
  Location at;
};

struct Node {
  std::string name;
  Role role = Role::router;
  uint32_t count = 1;     // clients: how many addresses
  bool spaces = false;    // clients: each in a network namespace of its own
  std::string assistant;  // test: where its replies to clients are routed; empty: the shortest way
  std::vector<Service> run;
  std::map<std::string, std::string> sysctls;  // "net.ipv4.tcp_rmem" -> value
  Location at;
};

// What a link does to the packets of one direction. Nothing set: nothing.
struct Impairments {
  std::optional<Duration> delay;
  std::optional<Duration> jitter;
  std::optional<uint64_t> rate;   // bits per second
  std::optional<uint64_t> queue;  // bytes that may wait for the rate
  std::optional<double> loss;
  std::optional<double> burst;  // mean length of a loss burst, in packets
  std::optional<double> reorder;
  std::optional<double> duplicate;
  std::optional<double> corrupt;
  std::optional<uint32_t> mtu;  // larger packets vanish; timeline, or of one direction
  std::optional<bool> down;

  [[nodiscard]] bool any() const {
    return delay || jitter || rate || queue || loss || burst || reorder || duplicate || corrupt ||
           mtu || down;
  }
  bool operator==(const Impairments&) const = default;
};

struct Link {
  std::string a;
  std::string b;
  uint16_t mtu = 1500;
  bool offloads = false;
  Impairments a_to_b;
  Impairments b_to_a;
  bool impaired = false;  // the link stage is needed: impairments here or in the timeline
  Location at;
};

enum class EngineKind : uint8_t { copy, intercept };

struct Mapping {
  uint16_t online_port = 0;
  std::string test_node;
  uint16_t test_port = 0;
};

struct Engine {
  std::string id;
  EngineKind kind = EngineKind::copy;
  std::string on;
  std::vector<Mapping> map;          // copy
  std::string capture;               // copy; empty: the program's default
  std::string inject;                // copy
  std::string via;                   // intercept; empty: the program's default
  uint16_t queues = 1;               // intercept
  std::vector<std::string> peers;    // copy: ids of the intercept engines
  uint16_t port = 36524;             // intercept: header return
  std::vector<std::string> options;  // appended to the command line
  std::string command;               // another program in this role; {placeholders} allowed
  std::optional<Duration> start;     // after the traffic began; else before it
  bool start_by_timeline = false;    // by an entry of the timeline, at `start` at the earliest
  Readiness ready;
  int stop_signal = SIGTERM;  // asks it to end
  Location at;
};

enum class TrafficKind : uint8_t { http, script, redis, raw, pcap, command };

enum class StepKind : uint8_t {
  connect,
  send,
  expect,
  expect_close,
  think,
  half_close,
  close,
  reset,
  repeat,
};

// One step of `kind: script`: a text ({places} to fill in: harness/traffic/text_template.h), or
// that many bytes when it is empty.
struct Step {
  StepKind kind = StepKind::send;
  std::string text;
  Range<uint64_t> size{0, 0};
  Range<Duration> think{};
  uint64_t times = 1;  // repeat
  std::vector<Step> steps;
};

struct Traffic {
  std::string id;
  TrafficKind kind = TrafficKind::http;
  std::string from;
  std::string to_node;
  uint16_t to_port = 0;
  Duration start{0};  // after the engines are ready
  // all but command
  uint64_t connections = 1;     // in all, see `per_client`
  bool per_client = false;      // `connections` for each client address
  uint64_t concurrency = 0;     // connections at one time; 0: all
  Range<uint64_t> ports{0, 0};  // source ports of each address, reused in turn; 0: any
  Duration spread{0};           // the connections begin over this time
  uint64_t write_size = 0;      // bytes of one write; 0: as they come
  uint64_t read_rate = 0;       // bytes per second and connection; 0: as they come
  uint64_t window = 0;          // receive buffer, bytes; 0: the kernel's default
  Duration patience = std::chrono::seconds(20);  // without progress, then it is an error
  // http, redis, raw
  uint64_t requests = 1;   // per connection
  bool keep_alive = true;  // false: one connection per request
  uint64_t pipeline = 1;   // requests sent without waiting for their answers
  Range<Duration> think{};
  Range<Duration> hold{};        // idle after the last answer
  std::string finish = "close";  // close, half-close, reset, cut
  // http
  Range<uint64_t> body{0, 0};        // bytes of a request's body
  Range<uint64_t> answer{128, 128};  // bytes of an answer's body
  std::string path;                  // of every request; empty: /item/NUMBER
  // redis
  Range<uint64_t> value{16, 1024};  // bytes of what is SET
  uint64_t keys = 100;              // of each user
  double sets = 0.5;                // share of SETs; the others are GETs
  // raw
  Range<uint64_t> bytes{4096, 4096};  // of one connection
  Range<uint64_t> chunk{1024, 1024};  // of one send
  // pcap
  Replay replay;
  uint64_t repeat = 1;                              // of every conversation
  Duration quiet = std::chrono::milliseconds(200);  // ends an answer of a service that is no replay
  // script
  std::vector<Step> steps;
  // command
  std::string command;
  Location at;
};

enum class FaultAction : uint8_t {
  kill,
  terminate,
  stop,
  cont,
  restart,
  start,
  link,
  run,
  buffers
};

// A state that a fault waits for: one of the three.
struct Wait {
  std::string text;
  std::optional<Expression> condition;      // known while the run lasts
  std::optional<BreakExpression> sighting;  // of a session's packet
  std::string ready;                        // engine id or NODE.SERVICE
  Duration within{0};                       // after the fault's time; then the run has failed
};

struct Fault {
  Duration when{0};          // after the traffic began
  std::optional<Wait> wait;  // from then on
  FaultAction action = FaultAction::kill;
  std::string target;  // engine id or NODE.SERVICE
  std::optional<Duration> restart_after;
  std::string link_a, link_b;       // FaultAction::link
  std::string command, on;          // FaultAction::run, on a node
  uint64_t buffer_bytes = 0;        // FaultAction::buffers, `on` a node; 0: the kernel's own
  Impairments there, back;          // of the link from a to b, and from b to a
  std::optional<Duration> lasting;  // then as before
  Location at;
};

enum class Keep : uint8_t { always, failure, never };

// What is kept of what a run writes.
struct Artifacts {
  Keep captures = Keep::always;    // of both hosts
  Keep logs = Keep::always;        // output of every process
  Keep sessions = Keep::always;    // the engines' session logs
  Keep recordings = Keep::always;  // of the built-in services
};

// A condition that must be met at some time between `after` and `after + within`, both from the
// beginning of the traffic.
struct Eventual {
  std::string text;
  Expression condition;
  Duration within{0};
  Duration after{0};
};

// The same traffic without engines, before the run: what mirroring costs the online service.
struct ControlRun {
  uint64_t runs = 1;     // the medians of their figures count
  bool timeline = true;  // faults of hosts and links come there, too
};

struct Scenario {
  std::string name;
  std::string about;  // one sentence: what it proves
  std::string path;
  std::string variant;  // "ip=v4,capture=raw"; empty without a matrix
  std::vector<std::string> labels;
  std::vector<std::string> require;
  Ip ip = Ip::v4;
  uint64_t seed = 1;
  Duration timeout = std::chrono::seconds(30);
  Duration drain = std::chrono::seconds(10);
  std::vector<Node> nodes;
  std::vector<Link> links;
  std::vector<Engine> engines;
  std::vector<Traffic> traffic;
  std::vector<Fault> timeline;
  Artifacts artifacts;
  std::optional<ControlRun> control;
  std::vector<Expression> always;
  std::vector<Eventual> eventually;
  std::vector<Expression> expect;

  [[nodiscard]] const Node* node(std::string_view name) const;
  [[nodiscard]] const Engine* engine(std::string_view id) const;
  [[nodiscard]] const Node* node_of(Role role) const;  // the first one
  [[nodiscard]] std::vector<const Node*> nodes_of(Role role) const;
  [[nodiscard]] std::vector<const Engine*> engines_of(EngineKind kind) const;
};

[[nodiscard]] const char* to_string(Role role);
[[nodiscard]] const char* to_string(ServiceKind kind);
[[nodiscard]] const char* to_string(EngineKind kind);
[[nodiscard]] const char* to_string(FaultAction action);

}  // namespace mirrorlab::scenario
