// An impaired link: a thread that moves frames between two devices, each direction through its
// impairments.
//
// Threads: the link's own thread moves frames; change() and figures() may be called from any.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness/wirebox/one_way.h"
#include "harness/wirebox/packet_port.h"

namespace mirrorlab::wirebox {

// What a link did, by Direction where there are two.
struct Figures {
  std::string name;
  std::array<Counters, 2> counters;
  std::vector<Drop> drops;
  uint64_t kernel_drops = 0;  // frames its own sockets lost: the box was too slow
  uint64_t send_errors = 0;
  uint64_t truncated = 0;
  uint64_t flows_forgotten = 0;
};

class Link {
 public:
  // The ports are open on the two devices. `name` takes part in every packet's fate.
  Link(std::string name, uint64_t seed, std::unique_ptr<PacketPort> a,
       std::unique_ptr<PacketPort> b, const Settings& a_to_b, const Settings& b_to_a);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // For frames that come in from now on; those under way keep their time.
  void change(const Settings& a_to_b, const Settings& b_to_a);
  [[nodiscard]] Figures figures();
  // Frames that still wait are dropped uncounted; figures() goes on working.
  void stop();

 private:
  void run();
  bool move(PacketPort& from, OneWay& through, os::Nanos now);

  std::string name_;
  std::array<std::unique_ptr<PacketPort>, 2> ports_;
  FramePool pool_;
  FlowTable flows_;
  std::array<std::unique_ptr<OneWay>, 2> ways_;
  std::mutex mutex_;
  os::Fd wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mirrorlab::wirebox
