#include "os/pcap_file.h"

#include <sys/timerfd.h>

#include <algorithm>

#include "os/error.h"
#include "os/link_header.h"

namespace mirrorlab::os {

tl::expected<PcapFile, std::string> PcapFile::open(const CaptureOptions& o) {
  PcapFile f;
  char error[PCAP_ERRBUF_SIZE] = {};
  f.handle_.reset(
      pcap_open_offline_with_tstamp_precision(o.file.c_str(), PCAP_TSTAMP_PRECISION_NANO, error));
  if (!f.handle_) return tl::unexpected("cannot read the capture: " + std::string(error));
  f.link_type_ = pcap_datalink(f.handle_.get());
  if (!link_type_known(f.link_type_)) {
    return tl::unexpected(o.file + ": link type " + std::to_string(f.link_type_) +
                          " is not understood");
  }
  if (auto done = set_pcap_filter(f.handle_.get(), o.expression, o.ports); !done) {
    return tl::unexpected(done.error());
  }
  f.timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!f.timer_) return failure("cannot make a timerfd");
  f.intake_.set_split(o.split);
  f.speed_ = o.speed;
  f.longest_gap_ = o.longest_gap_ns;
  return f;
}

void PcapFile::begin() {
  started_ = steady_now();
  arm(started_);
}

void PcapFile::arm(Nanos at) {
  itimerspec spec{};
  spec.it_value = timespec_of(std::max<Nanos>(at, 1));  // 0 would disarm
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

bool PcapFile::fetch() {
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  while (true) {
    const int result = pcap_next_ex(handle_.get(), &header, &data);
    // A file that is cut in its last packet ends here too; that is said by a counter.
    if (result == PCAP_ERROR) ++intake_.counters().read_errors;
    if (result < 0) {
      ended_ = true;
      return false;
    }
    if (header->caplen > 0) break;
    ++intake_.counters().truncated;
  }
  const Nanos stamp = Nanos{header->ts.tv_sec} * kNanosPerSecond + header->ts.tv_usec;
  Nanos gap = recorded_ < 0 ? 0 : std::max<Nanos>(stamp - recorded_, 0);
  if (longest_gap_ >= 0) gap = std::min(gap, longest_gap_);
  recorded_ = std::max(recorded_, stamp);
  played_ += gap;
  due_ = started_ + static_cast<Nanos>(static_cast<double>(played_) / speed_);
  pending_ = {data, header->caplen};
  pending_wire_bytes_ = header->len;
  return true;
}

bool PcapFile::read(const Take& take) {
  uint64_t expirations = 0;
  // Why unchecked: EAGAIN only says that there is nothing to clear.
  [[maybe_unused]] const auto n = ::read(timer_.get(), &expirations, sizeof expirations);
  const Nanos now = steady_now();
  for (int i = 0; i < kBatch; ++i) {
    if (ended_ || (pending_.empty() && !fetch())) return false;
    if (due_ > now) {
      arm(due_);
      return false;
    }
    const auto ip = ip_packet_in(link_type_, pending_);
    if (ip) {
      const size_t link_bytes = pending_.size() - ip->size();
      intake_.take(*ip, pending_wire_bytes_ - link_bytes, ChecksumState::unknown, take);
      intake_.hand_over(take);  // libpcap uses the memory again
    } else {
      ++intake_.counters().unwanted;
    }
    pending_ = {};
  }
  arm(now);  // more is due: this turn may be over, the next one goes on
  return true;
}

}  // namespace mirrorlab::os
