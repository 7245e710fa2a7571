#include "os/ebpf_capture.h"

#include "os/error.h"

#ifdef MIRRORLAB_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ingress_copy.skel.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <vector>

#include "os/devices.h"
#include "os/ingress_record.h"

namespace mirrorlab::os {

namespace {
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);  // BPF_TCX_INGRESS of Linux 6.6
constexpr size_t kBatch = 256;
constexpr const char* kMend =
    "run as root, outside any user namespace, on Linux 6.6 or newer; or use --capture=packet";
}  // namespace

struct EbpfCapture::Parts {
  ingress_copy* skeleton = nullptr;
  ring_buffer* ring = nullptr;
  std::vector<Fd> links;
  PacketIntake* intake = nullptr;  // during read() only
  const Take* take = nullptr;
  size_t left = 0;

  Parts() = default;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    links.clear();
    if (ring != nullptr) ring_buffer__free(ring);
    if (skeleton != nullptr) ingress_copy::destroy(skeleton);
  }
  static int on_packet(void* self, void* data, size_t) {
    auto& parts = *static_cast<Parts*>(self);
    const auto* record = static_cast<const ingress_record*>(data);
    const auto* bytes = static_cast<const uint8_t*>(data) + sizeof *record;
    parts.intake->take({bytes, record->length}, record->length, ChecksumState::unknown,
                       *parts.take);
    parts.intake->hand_over(*parts.take);  // libbpf gives the memory back after each
    // Below zero: no further one, though this one is taken.
    return --parts.left == 0 ? -1 : 0;
  }
  tl::expected<void, std::string> load(const CaptureOptions& options);
  tl::expected<void, std::string> attach(const CaptureOptions& options);
};

tl::expected<void, std::string> EbpfCapture::Parts::load(const CaptureOptions& options) {
  libbpf_set_print(nullptr);
  skeleton = ingress_copy::open();
  if (skeleton == nullptr) return failure("cannot open the eBPF program", errno, kMend);
  for (const uint16_t port : options.ports) {
    auto& byte = skeleton->rodata->ports[port >> 3U];
    byte = static_cast<unsigned char>(byte | 1U << (port & 7U));
  }
  skeleton->rodata->thread_index = options.split.index;
  skeleton->rodata->thread_count = options.split.count;
  skeleton->rodata->all_devices = options.device.empty() ? 1 : 0;
  // The kernel wants a power of two.
  const auto bytes = std::bit_floor(std::clamp<size_t>(options.buffer_bytes, 1U << 18U, 1U << 30U));
  bpf_map__set_max_entries(skeleton->maps.packets, static_cast<uint32_t>(bytes));
  if (const int error = ingress_copy::load(skeleton); error != 0) {
    return failure("cannot load the eBPF program", -error, kMend);
  }
  ring = ring_buffer__new(bpf_map__fd(skeleton->maps.packets), on_packet, this, nullptr);
  if (ring == nullptr) return failure("cannot map the ring buffer", errno, kMend);
  return {};
}

tl::expected<void, std::string> EbpfCapture::Parts::attach(const CaptureOptions& options) {
  for (const Device& device : devices()) {
    if (!options.device.empty() && device.name != options.device) continue;
    const int link = bpf_link_create(bpf_program__fd(skeleton->progs.copy_ingress), device.index,
                                     kTcxIngress, nullptr);
    if (link < 0) {
      return failure("cannot attach the eBPF program to " + device.name, -link, kMend);
    }
    links.emplace_back(link);
  }
  if (!links.empty()) return {};
  return failure("no device " + options.device, ENODEV, "`ip link` lists them");
}

EbpfCapture::EbpfCapture() : parts_(std::make_unique<Parts>()) {}
EbpfCapture::EbpfCapture(EbpfCapture&&) noexcept = default;
EbpfCapture::~EbpfCapture() = default;

tl::expected<EbpfCapture, std::string> EbpfCapture::open(const CaptureOptions& options) {
  EbpfCapture c;
  if (auto done = c.parts_->load(options); !done) return tl::unexpected(done.error());
  c.timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  c.both_.reset(::epoll_create1(EPOLL_CLOEXEC));
  for (const int fd : {c.timer_.get(), bpf_map__fd(c.parts_->skeleton->maps.packets)}) {
    epoll_event event{};
    // Edge: the ring stays readable while it is not empty, and the timer looks at that.
    event.events = fd == c.timer_.get() ? EPOLLIN : EPOLLIN | EPOLLET;
    if (!c.both_ || !c.timer_ || ::epoll_ctl(c.both_.get(), EPOLL_CTL_ADD, fd, &event) < 0) {
      return failure("cannot watch the ring buffer");
    }
  }
  c.intake_.set_split(options.split);
  c.intake_.counters().buffer_bytes = options.buffer_bytes;
  if (auto done = c.parts_->attach(options); !done) return tl::unexpected(done.error());
  c.look_again(true);
  return c;
}

void EbpfCapture::look_again(bool soon) {
  const std::atomic_ref<unsigned> sleeps(
      const_cast<unsigned&>(parts_->skeleton->bss->reader_sleeps));
  sleeps.store(soon ? 0 : 1, std::memory_order_seq_cst);
  if (!soon) return;
  itimerspec spec{};
  spec.it_value = timespec_of(kLook);
  ::timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

bool EbpfCapture::read(const Take& take) {
  uint64_t expirations = 0;
  // Why unchecked: EAGAIN only says that it was the ring that woke.
  [[maybe_unused]] const auto n = ::read(timer_.get(), &expirations, sizeof expirations);
  std::array<epoll_event, 2> events;
  ::epoll_wait(both_.get(), events.data(), 2, 0);  // takes the ring's edge
  Parts& p = *parts_;
  p.intake = &intake_;
  p.take = &take;
  p.left = kBatch;
  static_cast<void>(ring_buffer__consume(p.ring));
  if (p.left == 0) {
    look_again(true);  // this turn may be over; the next one goes on
    return true;
  }
  bool found = p.left < kBatch;
  if (!found) {
    look_again(false);
    // What came between the look and the wish to be woken.
    static_cast<void>(ring_buffer__consume(p.ring));
    found = p.left < kBatch;
  }
  if (found) look_again(true);
  return false;
}

// The ring itself tells, whatever this program has asked to be woken for.
bool EbpfCapture::unread() { return readable(bpf_map__fd(parts_->skeleton->maps.packets)); }

const CaptureCounters& EbpfCapture::counters() {
  std::vector<ingress_counters> each(static_cast<size_t>(libbpf_num_possible_cpus()));
  const uint32_t zero = 0;
  sum_ = intake_.counters();
  const int fd = bpf_map__fd(parts_->skeleton->maps.counters);
  if (bpf_map_lookup_elem(fd, &zero, each.data()) != 0) return sum_;
  for (const auto& one : each) {
    sum_.kernel_drops += one.ring_full;
    sum_.not_for_us += one.not_for_us;
    sum_.vlan_outer += one.vlan_outer;
    sum_.malformed += one.malformed;
  }
  return sum_;
}

}  // namespace mirrorlab::os

#else

namespace mirrorlab::os {

struct EbpfCapture::Parts {};
EbpfCapture::EbpfCapture() = default;
EbpfCapture::EbpfCapture(EbpfCapture&&) noexcept = default;
EbpfCapture::~EbpfCapture() = default;

tl::expected<EbpfCapture, std::string> EbpfCapture::open(const CaptureOptions&) {
  return tl::unexpected(
      std::string("--capture=ebpf: this program was built without eBPF, for want "
                  "of " MIRRORLAB_BPF_MISSING "; use --capture=packet"));
}
bool EbpfCapture::read(const Take&) { return false; }
void EbpfCapture::look_again(bool) {}
const CaptureCounters& EbpfCapture::counters() { return sum_; }

}  // namespace mirrorlab::os

#endif
