// --via=ebpf: replies are stolen at tc egress of every device, their headers come by a ring buffer.
//
// The cheapest way there is, for root only. The program stays attached when this process dies.
#pragma once

#include <memory>
#include <set>

#include "intercept/driver/interception.h"
#include "intercept/driver/steal_program.h"
#include "intercept/driver/tc.h"
#include "os/fd.h"

namespace mirrorlab::intercept {

// Reads the ring: by itself every kPoll while many replies come, woken by the kernel for each while
// they are few. A wake-up costs ten times what the rest of a reply's way does; so does a look in
// vain.
class StolenReplies : public ReplySource {
 public:
  explicit StolenReplies(std::shared_ptr<StealProgram> program) : program_(std::move(program)) {}
  [[nodiscard]] int fd() const override { return program_->ring_fd(); }
  tl::expected<void, std::string> read(const Take& take) override;
  [[nodiscard]] os::Nanos read_again_after() const override { return again_; }
  [[nodiscard]] ReplyCounters counters() override;

 private:
  static constexpr os::Nanos kPoll = 150 * os::kNanosPerMicro;
  static constexpr os::Nanos kWindow = os::kNanosPerMilli;
  static constexpr size_t kMany = 5;               // replies a window
  static constexpr size_t kRepliesPerTurn = 4096;  // then header records are written
  std::shared_ptr<StealProgram> program_;
  void count(size_t replies);
  os::Nanos again_ = 0;
  os::Nanos window_began_ = 0;
  size_t in_window_ = 0;
  bool many_ = false;  // in the window before this one
};

class EbpfInterception : public Interception {
 public:
  explicit EbpfInterception(const InterceptOptions& options) : options_(options) {}
  tl::expected<Sources, std::string> open() override;
  tl::expected<std::string, std::string> install() override;
  tl::expected<void, std::string> follow_changes() override;
  void remove() override;
  [[nodiscard]] std::vector<std::string> commands() const override;
  [[nodiscard]] std::vector<Finding> check() const override;

 private:
  [[nodiscard]] FilterPlace place() const { return {"all", 1, options_.queue + 1U}; }
  const InterceptOptions& options_;
  os::Fd lock_;
  std::shared_ptr<StealProgram> program_;
  std::set<int> covered_;  // devices, by index
};

}  // namespace mirrorlab::intercept
