// The eBPF program that steals replies at tc egress, loaded, and the ring buffer it fills.
//
// Attached by netlink (clsact), it stays when this process dies and goes on stealing; attaching
// again replaces it in one step. Needs CAP_BPF and CAP_NET_ADMIN outside any user namespace.
// Threads: one.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "intercept/driver/reply_source.h"
#include "intercept/driver/stolen_reply.h"
#include "os/devices.h"

namespace mirrorlab::intercept {

class StealProgram {
 public:
  // `passed`: destination networks (ADDR or ADDR/LEN) left alone. Fails with the reason also where
  // this program was built without eBPF.
  static tl::expected<std::shared_ptr<StealProgram>, std::string> load(
      const std::vector<uint16_t>& ports, const std::vector<std::string>& passed,
      uint32_t queue_length);
  // For --version: empty, or " without eBPF (...)".
  [[nodiscard]] static std::string built();
  ~StealProgram();
  StealProgram(const StealProgram&) = delete;
  StealProgram& operator=(const StealProgram&) = delete;

  // Replaces the filter `handle` of this priority, if there is one.
  tl::expected<void, std::string> attach(const os::Device& device, uint32_t priority,
                                         uint32_t handle);
  [[nodiscard]] bool attached(const os::Device& device, uint32_t priority, uint32_t handle) const;
  [[nodiscard]] int ring_fd() const;
  // Hands at most `limit` replies to `take`; how many there were.
  size_t read(const ReplySource::Take& take, size_t limit);
  // There are replies to read.
  [[nodiscard]] bool waiting() const;
  // Whether the next reply shall wake who waits for ring_fd().
  void wake_me(bool wanted);
  [[nodiscard]] steal_counters counters() const;

 private:
  struct Parts;
  explicit StealProgram(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace mirrorlab::intercept
