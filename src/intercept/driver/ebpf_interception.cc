#include "intercept/driver/ebpf_interception.h"

#include "intercept/driver/instance_lock.h"

namespace mirrorlab::intercept {

tl::expected<void, std::string> StolenReplies::read(const Take& take) {
  more_ = program_->read(take, kRepliesPerTurn) == kRepliesPerTurn;
  return {};
}

bool StolenReplies::listen() {
  program_->wake_me(true);
  // What came before the kernel saw the wish would wait for the next reply.
  if (!program_->waiting()) return true;
  program_->wake_me(false);
  return false;
}

ReplyCounters StolenReplies::counters() {
  const steal_counters kernel = program_->counters();
  ReplyCounters c;
  c.packets = kernel.taken;
  c.receive_errors = kernel.ring_full;
  c.malformed = kernel.unread;
  return c;
}

tl::expected<Interception::Sources, std::string> EbpfInterception::open() {
  auto lock = lock_instance("ebpf-" + std::to_string(options_.queue));
  if (!lock) return tl::unexpected(lock.error());
  lock_ = std::move(*lock);
  auto program = StealProgram::load(options_.service_ports, options_.passed, options_.queue_length);
  if (!program) return tl::unexpected(program.error());
  program_ = std::move(*program);
  Sources sources;
  sources.push_back(std::make_unique<StolenReplies>(program_));
  return sources;
}

tl::expected<void, std::string> EbpfInterception::follow_changes() {
  std::set<int> present;
  for (const auto& device : os::devices()) {
    if (device.loopback) continue;
    present.insert(device.index);
    const FilterPlace at = place();
    if (covered_.contains(device.index) && program_->attached(device, at.priority, at.handle)) {
      continue;
    }
    auto attached = program_->attach(device, at.priority, at.handle);
    if (!attached) return attached;
  }
  covered_ = std::move(present);
  return {};
}

tl::expected<std::string, std::string> EbpfInterception::install() {
  auto done = follow_changes();
  if (!done) return tl::unexpected(done.error());
  return "eBPF program at tc egress of " + std::to_string(covered_.size()) + " device(s)";
}

tl::expected<void, std::string> EbpfInterception::at_rest() {
  return lock_instance("ebpf-" + std::to_string(options_.queue)).map([](os::Fd) {});
}

void EbpfInterception::remove() {
  for (const auto& device : os::devices()) {
    if (!device.loopback) remove_filters(device.name, {place()});
  }
  covered_.clear();
}

std::vector<std::string> EbpfInterception::commands() const {
  std::vector<std::string> lines = {
      "# The program is built in; mirror-intercept attaches it by itself, on each device:"};
  for (const auto& device : os::devices()) {
    if (device.loopback) continue;
    lines.push_back(join(clsact_command(device.name)));
    lines.push_back("# " + join(filter_command("replace", device.name, place())) +
                    " direct-action (reply_steal)");
  }
  lines.push_back("# Removed by: " + options_.detach_command());
  return lines;
}

std::vector<Finding> EbpfInterception::check() const {
  const auto program =
      StealProgram::load(options_.service_ports, options_.passed, options_.queue_length);
  if (!program) return {{false, program.error(), "run as root, or use --via=nfqueue"}};
  return {{true, "the kernel takes the eBPF program", {}}};
}

}  // namespace mirrorlab::intercept
