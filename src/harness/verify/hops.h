// What lies between the taps, beside the packets themselves: link stages, devices, kernels, and
// what the engines say that they took and gave. The ledger (ledger.h) is made of it.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "wire/flow.h"

namespace mirrorlab::verify {

// One direction of a link stage.
struct StageCount {
  std::string link;
  std::map<std::string, uint64_t> dropped;  // by cause, whatever the flow
  struct Listed {
    wire::FlowKey flow;
    std::string cause;
  };
  std::vector<Listed> listed;  // the dropped packets by name, as far as the list goes
  uint64_t duplicated = 0, corrupted = 0, cut = 0;
  uint64_t lost_by_box = 0;  // frames that its own sockets lost
};

// Everything between the hosts of one role and those of another, in one direction.
struct Way {
  std::string from, to;  // roles
  std::vector<StageCount> stages;
  uint64_t device_drops = 0;  // by the devices on it
  bool offloads = false;      // one of them may take a super-packet as it is
  int64_t delay_ns = 0;       // the longest that a packet may be under way
  // A host in the middle may have to cut super-packets for the next link, and nobody counts them.
  bool recuts = false;
};

// Packets that a host's kernel gave up, by its own counter, while the taps watched.
enum class DropPlace : uint8_t {
  kernel,
  device,  // thus at a hop
  queue,   // a device's, before the host's tap; one that its sender tries again counts each time
};
struct KernelDrop {
  std::string node, role, counter;
  uint64_t packets = 0;
  bool outgoing = false;  // the host was sending it
  DropPlace place = DropPlace::kernel;
};

// An engine of the scenario, and what all its runs say of themselves.
// NOLINTNEXTLINE(bugprone-exception-escape): said of nlohmann's move, which is noexcept.
struct EngineSays {
  std::string id;
  std::string role;                      // copy, intercept
  std::string on, node;                  // its host: role and name
  std::vector<wire::Endpoint> services;  // copy: the online services it mirrors
  std::optional<wire::Endpoint> serves;  // intercept: the header return
  nlohmann::json figures;                // null when it wrote none
  std::string not_whole;  // why the figures do not cover the whole run; empty when they do
  int64_t ending_ns = 0;  // wall clock: when it was told to end
};

// The queue in a kernel that an intercept engine reads, shortly before the engine ended.
struct ReplyQueueCount {
  std::string engine;
  uint64_t entered = 0;  // given a number by the kernel
  uint64_t dropped_full = 0, dropped_user = 0, waiting = 0;
  int64_t time_ns = 0;
};

struct Hops {
  std::vector<Way> ways;
  std::vector<KernelDrop> kernel_drops;
  std::vector<EngineSays> engines;
  std::vector<ReplyQueueCount> queues;
};

}  // namespace mirrorlab::verify
