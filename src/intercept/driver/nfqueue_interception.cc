#include "intercept/driver/nfqueue_interception.h"

#include "intercept/driver/queue_stats.h"
#include "intercept/driver/reply_queue.h"
#include "os/command.h"

namespace mirrorlab::intercept {

namespace {
Finding check_iptables() {
  const auto said = os::run_command({"iptables", "--version"});
  if (said && said->status == 0) return {true, said->output + " is installed", {}};
  return {false, "iptables is not installed", "apt-get install iptables"};
}

Finding check_queue(uint16_t number) {
  const std::string name = "queue " + std::to_string(number);
  if (const auto stats = read_queue_stats(number)) {
    return {false,
            name + " is read by a program already (netlink port " +
                std::to_string(stats->peer_port) + ")",
            "end it, or choose another --queue-num"};
  }
  const auto queue = ReplyQueue::open(number, 1);
  if (queue) return {true, name + " is free, and the kernel queues packets", {}};
  return {false, queue.error(), "run as root or with CAP_NET_ADMIN"};
}
}  // namespace

NfqueueInterception::NfqueueInterception(const InterceptOptions& options, OpenQueue open_queue)
    : options_(options),
      open_queue_(std::move(open_queue)),
      rules_(options.service_ports, options.queue, options.queues, options.passed) {}

tl::expected<Interception::Sources, std::string> NfqueueInterception::open() {
  Sources sources;
  for (uint16_t i = 0; i < options_.queues; ++i) {
    auto queue = open_queue_(static_cast<uint16_t>(options_.queue + i), options_.queue_length);
    if (!queue) return tl::unexpected(queue.error());
    sources.push_back(std::move(*queue));
  }
  return sources;
}

tl::expected<void, std::string> NfqueueInterception::at_rest() {
  if (!read_queue_stats(options_.queue)) return {};
  return tl::unexpected("queue " + std::to_string(options_.queue) +
                        " is read by a program, perhaps another mirror-intercept: end it first, or "
                        "choose another --queue-num");
}

std::vector<Finding> NfqueueInterception::check() const {
  std::vector<Finding> all = {check_iptables()};
  for (uint16_t i = 0; i < options_.queues; ++i) {
    all.push_back(check_queue(static_cast<uint16_t>(options_.queue + i)));
  }
  return all;
}

nlohmann::json NfqueueInterception::kernel_figures() {
  QueueStats sum;
  for (uint16_t i = 0; i < options_.queues; ++i) {
    const auto one = read_queue_stats(static_cast<uint16_t>(options_.queue + i));
    if (!one) continue;
    sum.waiting += one->waiting;
    sum.dropped_full += one->dropped_full;
    sum.dropped_user += one->dropped_user;
  }
  return {{"kernel_queue_waiting", sum.waiting},
          {"kernel_queue_dropped_full", sum.dropped_full},
          {"kernel_queue_dropped_user", sum.dropped_user}};
}

}  // namespace mirrorlab::intercept
