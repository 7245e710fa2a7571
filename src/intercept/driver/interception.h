// One way of taking the test host's replies away (--via).
//
// All of them keep three promises. The test host's TCP believes that its reply left (a drop by
// `iptables -j DROP` or TC_ACT_SHOT would tell it the contrary, and it would take no ack for it).
// They fail closed: what is in the kernel goes on dropping when the program dies, and a next start
// takes it over without a gap (docs/decisions/0002-fail-closed.md). Traffic of other services is
// not touched.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "intercept/driver/options.h"
#include "intercept/driver/reply_source.h"

namespace mirrorlab::intercept {

// What --check found.
struct Finding {
  bool good = false;
  std::string text;
  std::string mend;  // empty when good
};

class Interception {
 public:
  using Sources = std::vector<std::unique_ptr<ReplySource>>;
  virtual ~Interception() = default;
  // The readers, before any reply is taken. One thread each when there are several.
  virtual tl::expected<Sources, std::string> open() = 0;
  // From now on replies are taken away. Says how.
  virtual tl::expected<std::string, std::string> install() = 0;
  // Devices, filters or forwarding may have changed: covers devices that are new, puts back what
  // somebody else removed. Fails with what it cannot mend.
  virtual tl::expected<void, std::string> follow_changes() { return {}; }
  // Fails while a program of this method and number runs: what it set up is not to be removed.
  [[nodiscard]] virtual tl::expected<void, std::string> at_rest() { return {}; }
  // Replies reach clients again. Also removes what an earlier run left.
  virtual void remove() = 0;
  // What install() does, as commands for an operator (--print-setup).
  [[nodiscard]] virtual std::vector<std::string> commands() const = 0;
  // What this method needs of this host.
  [[nodiscard]] virtual std::vector<Finding> check() const = 0;
  // The kernel's own counters of it.
  [[nodiscard]] virtual nlohmann::json kernel_figures() { return nlohmann::json::object(); }
};

using OpenQueue = std::function<tl::expected<std::unique_ptr<ReplySource>, std::string>(
    uint16_t queue, uint32_t length)>;
// `open_queue` is how nfqueue opens one kernel queue. `options` outlive the result.
[[nodiscard]] std::unique_ptr<Interception> make_interception(const InterceptOptions& options,
                                                              const OpenQueue& open_queue);

}  // namespace mirrorlab::intercept
