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

// Reads the ring. The kernel wakes who listens, once; a wake-up costs ten times what the rest of a
// reply's way does.
class StolenReplies : public ReplySource {
 public:
  explicit StolenReplies(std::shared_ptr<StealProgram> program) : program_(std::move(program)) {}
  [[nodiscard]] int fd() const override { return program_->ring_fd(); }
  tl::expected<void, std::string> read(const Take& take) override;
  [[nodiscard]] os::Nanos read_again_after() const override { return more_ ? 0 : os::kNever; }
  bool listen() override;
  [[nodiscard]] ReplyCounters counters() override;

 private:
  static constexpr size_t kRepliesPerTurn = 4096;  // then header records are written
  std::shared_ptr<StealProgram> program_;
  bool more_ = false;
};

class EbpfInterception : public Interception {
 public:
  explicit EbpfInterception(const InterceptOptions& options) : options_(options) {}
  tl::expected<Sources, std::string> open() override;
  tl::expected<std::string, std::string> install() override;
  tl::expected<void, std::string> follow_changes() override;
  tl::expected<void, std::string> at_rest() override;
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
