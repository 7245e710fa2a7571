#include "wire/ip_fragments.h"

#include <algorithm>
#include <cstring>

#include "wire/checksum.h"

namespace mirrorlab::wire {

namespace {
constexpr size_t kMaxPieces = 4096;  // of one datagram: 65535 / 16, and small ones beside
}

// One fragment, read.
struct FragmentTable::Piece {
  IpAddress src;
  IpAddress dst;
  uint32_t id = 0;
  uint32_t offset = 0;
  bool more = false;
  Bytes header;        // what the whole packet begins with; IPv6: without the fragment header
  uint8_t next = 0;    // IPv6: what follows the fragment header
  size_t next_at = 0;  // IPv6: where in `header` that is to be written
  Bytes payload;

  static std::optional<Piece> read(Bytes p);
  static std::optional<Piece> read_v4(Bytes p);
  static std::optional<Piece> read_v6(Bytes p);
};

std::optional<FragmentTable::Piece> FragmentTable::Piece::read(Bytes p) {
  if (p.empty()) return std::nullopt;
  auto piece = p[0] >> 4U == 4 ? read_v4(p) : read_v6(p);
  if (!piece) return std::nullopt;
  // All but the last are whole units of 8 bytes.
  if (piece->payload.empty() || (piece->more && piece->payload.size() % 8 != 0)) {
    return std::nullopt;
  }
  if (piece->header.size() + piece->offset + piece->payload.size() > kMaxBytes) return std::nullopt;
  return piece;
}

std::optional<FragmentTable::Piece> FragmentTable::Piece::read_v4(Bytes p) {
  if (p.size() < 20) return std::nullopt;
  const size_t header = (p[0] & 0x0fU) * 4U;
  const size_t total = load16(&p[2]);
  if (header < 20 || total < header || p.size() < total) return std::nullopt;
  Piece piece;
  piece.src = IpAddress::v4(&p[12]);
  piece.dst = IpAddress::v4(&p[16]);
  piece.id = load16(&p[4]);
  piece.offset = (load16(&p[6]) & 0x1fffU) * 8U;
  piece.more = (p[6] & 0x20U) != 0;
  piece.header = p.first(header);
  piece.payload = p.subspan(header, total - header);
  return piece;
}

std::optional<FragmentTable::Piece> FragmentTable::Piece::read_v6(Bytes p) {
  if (p.size() < 40) return std::nullopt;
  const size_t total = 40U + load16(&p[4]);
  if (p.size() < total) return std::nullopt;
  Piece piece;
  size_t at = 40;
  piece.next_at = 6;
  uint8_t next = p[6];
  while (next != 44) {
    if ((next != 0 && next != 43 && next != 60) || at + 8 > total) return std::nullopt;
    piece.next_at = at;
    next = p[at];
    at += 8 + size_t{p[at + 1]} * 8;
  }
  if (at + 8 > total) return std::nullopt;
  piece.src = IpAddress::v6(&p[8]);
  piece.dst = IpAddress::v6(&p[24]);
  piece.next = p[at];
  piece.offset = load16(&p[at + 2]) & 0xfff8U;
  piece.more = (p[at + 3] & 1U) != 0;
  piece.id = load32(&p[at + 4]);
  piece.header = p.first(at);
  piece.payload = p.subspan(at + 8, total - at - 8);
  return piece;
}

FragmentTable::Datagram& FragmentTable::find(const Piece& piece, int64_t now) {
  for (size_t i = datagrams_.size(); i-- > 0;) {
    if (datagrams_[i].deadline <= now) give_up(i);
  }
  for (Datagram& d : datagrams_) {
    if (d.id == piece.id && d.src == piece.src && d.dst == piece.dst) return d;
  }
  if (datagrams_.size() == kDatagrams) give_up(0);  // the oldest
  Datagram& fresh = datagrams_.emplace_back();
  fresh.src = piece.src;
  fresh.dst = piece.dst;
  fresh.id = piece.id;
  fresh.deadline = now + kPatience;
  return fresh;
}

void FragmentTable::give_up(size_t index) {
  lost_ += datagrams_[index].fragments;
  datagrams_.erase(datagrams_.begin() + static_cast<std::ptrdiff_t>(index));
}

// False when it contradicts what is there. A fragment that came twice is nothing new.
bool FragmentTable::insert(Datagram& d, const Piece& piece) {
  const uint32_t begin = piece.offset;
  const auto end = static_cast<uint32_t>(begin + piece.payload.size());
  if (d.last_seen && (end > d.payload_bytes || (!piece.more && end != d.payload_bytes))) {
    return false;
  }
  if (!piece.more && !d.held.empty() && d.held.back().end > end) return false;
  auto at = std::ranges::lower_bound(d.held, begin, {}, &Range::begin);
  if (at != d.held.end() && at->begin == begin && at->end == end) {
    return std::ranges::equal(piece.payload, Bytes(d.payload).subspan(begin, end - begin));
  }
  if (at != d.held.end() && at->begin < end) return false;
  if (at != d.held.begin() && std::prev(at)->end > begin) return false;
  if (d.held.size() == kMaxPieces) return false;
  d.held.insert(at, {begin, end});
  if (d.payload.size() < end) d.payload.resize(end);
  std::memcpy(&d.payload[begin], piece.payload.data(), piece.payload.size());
  if (!piece.more) {
    d.last_seen = true;
    d.payload_bytes = end;
  }
  if (begin == 0) {
    d.header.assign(piece.header.begin(), piece.header.end());
    if (!piece.src.is_v4()) d.header[piece.next_at] = piece.next;
  }
  return true;
}

std::optional<FragmentTable::Whole> FragmentTable::add(Bytes fragment, int64_t now) {
  const auto piece = Piece::read(fragment);
  if (!piece) {
    ++lost_;
    return std::nullopt;
  }
  Datagram& d = find(*piece, now);
  const auto index = static_cast<size_t>(&d - datagrams_.data());
  ++d.fragments;
  if (!insert(d, *piece)) {
    give_up(index);
    return std::nullopt;
  }
  uint32_t reached = 0;
  for (const Range& r : d.held) {
    if (r.begin != reached) return std::nullopt;
    reached = r.end;
  }
  if (!d.last_seen || reached != d.payload_bytes) return std::nullopt;
  const size_t total = d.header.size() + d.payload_bytes;
  if (total > kMaxBytes) {
    give_up(index);
    return std::nullopt;
  }
  whole_.resize(total);
  std::memcpy(whole_.data(), d.header.data(), d.header.size());
  std::memcpy(whole_.data() + d.header.size(), d.payload.data(), d.payload_bytes);
  if (d.src.is_v4()) {
    store16(&whole_[2], static_cast<uint32_t>(total));
    store16(&whole_[6], 0);
    store16(&whole_[10], 0);
    store16(&whole_[10], checksum_finish(checksum_add(0, Bytes(whole_).first(d.header.size()))));
  } else {
    store16(&whole_[4], static_cast<uint32_t>(total - 40));
  }
  const Whole whole{whole_, d.fragments};
  datagrams_.erase(datagrams_.begin() + static_cast<std::ptrdiff_t>(index));
  return whole;
}

}  // namespace mirrorlab::wire
