// broken-intercept --fault leak|corrupt-header|swallow, then mirror-intercept's options:
// mirror-intercept with one thing wrong, made of the same libraries. The verifier has to find it.
#include <cstring>
#include <iostream>
#include <vector>

// clang-format off
#include <netinet/in.h>
// clang-format on
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "intercept/driver/options.h"
#include "intercept/driver/program.h"
#include "intercept/driver/reply_queue.h"
#include "wire/bytes.h"

namespace {
using namespace mirrorlab;

constexpr uint64_t kOneIn = 50;

// One reply in kOneIn goes on to the client it is addressed to.
class LeakyQueue : public intercept::ReplyQueue {
 public:
  explicit LeakyQueue(intercept::ReplyQueue&& sound) : ReplyQueue(std::move(sound)) {}

 protected:
  void drop_up_to(uint32_t packet_id) override {
    if (counters().packets / kOneIn != leaked_) {
      leaked_ = counters().packets / kOneIn;
      send_verdict(NFQNL_MSG_VERDICT, packet_id, NF_ACCEPT);
    }
    ReplyQueue::drop_up_to(packet_id);
  }

 private:
  uint64_t leaked_ = 0;
};

// One data reply in kOneIn is said to be a byte longer than it is.
class CorruptQueue : public intercept::ReplyQueue {
 public:
  explicit CorruptQueue(intercept::ReplyQueue&& sound) : ReplyQueue(std::move(sound)) {}
  tl::expected<void, std::string> read(const Take& take) override {
    return ReplyQueue::read([&](wire::Bytes bytes, size_t wire_bytes) {
      std::vector<uint8_t> copy(bytes.begin(), bytes.end());
      const uint32_t total = copy.size() > 20 ? wire::load16(&copy[2]) : 0;
      if (total > 100 && ++seen_ % kOneIn == 0) wire::store16(&copy[2], total + 1);
      take(copy, wire_bytes);
    });
  }

 private:
  uint64_t seen_ = 0;
};

// One reply in kOneIn is taken and never heard of again.
class SwallowingQueue : public intercept::ReplyQueue {
 public:
  explicit SwallowingQueue(intercept::ReplyQueue&& sound) : ReplyQueue(std::move(sound)) {}
  tl::expected<void, std::string> read(const Take& take) override {
    return ReplyQueue::read([&](wire::Bytes bytes, size_t wire_bytes) {
      if (++seen_ % kOneIn != 0) take(bytes, wire_bytes);
    });
  }

 private:
  uint64_t seen_ = 0;
};

template <class Broken>
intercept::InterceptParts parts() {
  return {.source = [](uint16_t queue, uint32_t length)
              -> tl::expected<std::unique_ptr<intercept::ReplySource>, std::string> {
    auto sound = intercept::ReplyQueue::open(queue, length);
    if (!sound) return tl::unexpected(sound.error());
    return std::make_unique<Broken>(std::move(*sound));
  }};
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || std::strcmp(argv[1], "--fault") != 0) {
    std::cerr
        << "broken-intercept --fault leak|corrupt-header|swallow MIRROR-INTERCEPT'S OPTIONS\n";
    return 2;
  }
  const std::string fault = argv[2];
  argv[2] = argv[0];
  const auto options = intercept::parse_intercept_options(argc - 2, argv + 2);
  if (!options) return options.error();
  if (fault == "leak") return intercept::run_intercept(*options, parts<LeakyQueue>());
  if (fault == "corrupt-header") return intercept::run_intercept(*options, parts<CorruptQueue>());
  if (fault == "swallow") return intercept::run_intercept(*options, parts<SwallowingQueue>());
  std::cerr << "broken-intercept: no fault " << fault << '\n';
  return 2;
}
