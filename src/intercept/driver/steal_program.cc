#include "intercept/driver/steal_program.h"

#ifdef MIRRORLAB_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <poll.h>
#include <reply_steal.skel.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "os/error.h"
#include "wire/flow.h"

namespace mirrorlab::intercept {

namespace {
constexpr const char* kMend =
    "run as root, outside any user namespace, on Linux 5.8 or newer; or use --via=nfqueue";

// What libbpf had to say, for the error text; it prints nothing by itself.
thread_local std::string last_words;
int keep_words(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  std::array<char, 512> text;
  std::vsnprintf(text.data(), text.size(), format, arguments);
  last_words = text.data();
  while (!last_words.empty() && last_words.back() == '\n') last_words.pop_back();
  return 0;
}

tl::unexpected<std::string> bpf_failure(const std::string& attempted, int error) {
  return os::failure(attempted + (last_words.empty() ? "" : " (" + last_words + ")"), error, kMend);
}

// The kernel wants a power of two, of whole pages.
uint32_t ring_bytes(uint32_t replies) {
  constexpr uint32_t kRecordHeader = 8;
  constexpr uint32_t kReply = sizeof(stolen_reply) + kRecordHeader;
  return std::max(std::bit_ceil(replies * kReply), static_cast<uint32_t>(::sysconf(_SC_PAGESIZE)));
}

// ADDR or ADDR/LEN, as options.cc let it through.
passed_key key_of(const std::string& network) {
  const auto slash = network.find('/');
  const auto address = *wire::IpAddress::parse(network.substr(0, slash));
  passed_key key{};
  unsigned bits = static_cast<unsigned>(address.bytes().size() * 8);
  if (slash != std::string::npos) {
    std::from_chars(network.data() + slash + 1, network.data() + network.size(), bits);
  }
  if (address.is_v4()) {
    key.address[10] = key.address[11] = 0xff;
    std::memcpy(&key.address[12], address.bytes().data(), 4);
    bits += 96;
  } else {
    std::memcpy(&key.address[0], address.bytes().data(), 16);
  }
  key.prefix_bits = bits;
  return key;
}
}  // namespace

struct StealProgram::Parts {
  reply_steal* skeleton = nullptr;
  ring_buffer* ring = nullptr;
  const ReplySource::Take* take = nullptr;  // during read() only
  size_t left = 0;

  Parts() = default;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    if (ring != nullptr) ring_buffer__free(ring);
    if (skeleton != nullptr) reply_steal::destroy(skeleton);
  }
  static int on_reply(void* self, void* data, size_t) {
    auto& parts = *static_cast<Parts*>(self);
    const auto* reply = static_cast<const stolen_reply*>(data);
    (*parts.take)({&reply->bytes[0], reply->length}, reply->wire_bytes);
    // Below zero: no further one, though this one is taken.
    return --parts.left == 0 ? -1 : 0;
  }
};

StealProgram::StealProgram(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
StealProgram::~StealProgram() = default;

tl::expected<std::shared_ptr<StealProgram>, std::string> StealProgram::load(
    const std::vector<uint16_t>& ports, const std::vector<std::string>& passed,
    uint32_t queue_length) {
  libbpf_set_print(keep_words);
  auto parts = std::make_unique<Parts>();
  parts->skeleton = reply_steal::open();
  if (parts->skeleton == nullptr) return bpf_failure("cannot open the eBPF program", errno);
  for (const uint16_t port : ports) {
    auto& byte = parts->skeleton->rodata->service_ports[port >> 3U];
    byte = static_cast<unsigned char>(byte | 1U << (port & 7U));
  }
  bpf_map__set_max_entries(parts->skeleton->maps.replies, ring_bytes(queue_length));
  if (const int error = reply_steal::load(parts->skeleton); error != 0) {
    return bpf_failure("cannot load the eBPF program", -error);
  }
  const int passed_fd = bpf_map__fd(parts->skeleton->maps.passed);
  for (const auto& network : passed) {
    const passed_key key = key_of(network);
    const uint8_t one = 1;
    if (bpf_map_update_elem(passed_fd, &key, &one, BPF_ANY) != 0) {
      return bpf_failure("cannot pass " + network, errno);
    }
  }
  parts->ring = ring_buffer__new(bpf_map__fd(parts->skeleton->maps.replies), Parts::on_reply,
                                 parts.get(), nullptr);
  if (parts->ring == nullptr) return bpf_failure("cannot map the ring buffer", errno);
  return std::shared_ptr<StealProgram>(new StealProgram(std::move(parts)));
}

std::string StealProgram::built() { return {}; }

tl::expected<void, std::string> StealProgram::attach(const os::Device& device, uint32_t priority,
                                                     uint32_t handle) {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = device.index;
  hook.attach_point = BPF_TC_EGRESS;
  const int made = bpf_tc_hook_create(&hook);
  if (made != 0 && made != -EEXIST) {
    return bpf_failure("cannot add a clsact qdisc to " + device.name, -made);
  }
  bpf_tc_opts options{};
  options.sz = sizeof options;
  options.prog_fd = bpf_program__fd(parts_->skeleton->progs.steal_replies);
  options.flags = BPF_TC_F_REPLACE;
  options.handle = handle;
  options.priority = priority;
  if (const int error = bpf_tc_attach(&hook, &options); error != 0) {
    return bpf_failure("cannot attach the eBPF program to " + device.name, -error);
  }
  return {};
}

bool StealProgram::attached(const os::Device& device, uint32_t priority, uint32_t handle) const {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = device.index;
  hook.attach_point = BPF_TC_EGRESS;
  bpf_tc_opts options{};
  options.sz = sizeof options;
  options.handle = handle;
  options.priority = priority;
  return bpf_tc_query(&hook, &options) == 0;
}

int StealProgram::ring_fd() const { return bpf_map__fd(parts_->skeleton->maps.replies); }

size_t StealProgram::read(const ReplySource::Take& take, size_t limit) {
  parts_->take = &take;
  parts_->left = limit;
  // Its result is a count, or what on_reply returned to end early; nothing else can go wrong.
  static_cast<void>(ring_buffer__consume(parts_->ring));
  return limit - parts_->left;
}

bool StealProgram::waiting() const {
  pollfd ring = {ring_fd(), POLLIN, 0};
  return ::poll(&ring, 1, 0) > 0;
}

void StealProgram::wake_me(bool wanted) {
  const std::atomic_ref<unsigned> sleeps(
      const_cast<unsigned&>(parts_->skeleton->bss->reader_sleeps));
  sleeps.store(wanted ? 1 : 0, std::memory_order_seq_cst);
}

steal_counters StealProgram::counters() const {
  std::vector<steal_counters> each(static_cast<size_t>(libbpf_num_possible_cpus()));
  const uint32_t zero = 0;
  steal_counters sum{};
  const int fd = bpf_map__fd(parts_->skeleton->maps.counters);
  if (bpf_map_lookup_elem(fd, &zero, each.data()) != 0) return sum;
  for (const auto& one : each) {
    sum.taken += one.taken;
    sum.ring_full += one.ring_full;
    sum.unread += one.unread;
  }
  return sum;
}

}  // namespace mirrorlab::intercept

#else

namespace mirrorlab::intercept {

struct StealProgram::Parts {};
StealProgram::StealProgram(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
StealProgram::~StealProgram() = default;

tl::expected<std::shared_ptr<StealProgram>, std::string> StealProgram::load(
    const std::vector<uint16_t>&, const std::vector<std::string>&, uint32_t) {
  return tl::unexpected(
      std::string("this mirror-intercept was built without eBPF; install " MIRRORLAB_BPF_MISSING
                  " and build again, or use "
                  "--via=nfqueue"));
}
std::string StealProgram::built() { return " without eBPF (" MIRRORLAB_BPF_MISSING " missing)"; }
tl::expected<void, std::string> StealProgram::attach(const os::Device&, uint32_t, uint32_t) {
  return {};
}
bool StealProgram::attached(const os::Device&, uint32_t, uint32_t) const { return false; }
int StealProgram::ring_fd() const { return -1; }
size_t StealProgram::read(const ReplySource::Take&, size_t) { return 0; }
bool StealProgram::waiting() const { return false; }
void StealProgram::wake_me(bool) {}
steal_counters StealProgram::counters() const { return {}; }

}  // namespace mirrorlab::intercept

#endif
