#include "harness/net/netlink_message.h"

#include <cstring>
#include <utility>

namespace mirrorlab::net {

void NetlinkMessages::begin_message(uint16_t type, uint16_t flags, std::string attempt) {
  end_message();
  began_ = buffer_.size();
  nlmsghdr head{};
  head.nlmsg_type = type;
  head.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  head.nlmsg_seq = first_ + static_cast<uint32_t>(attempts_.size());
  attempts_.push_back(std::move(attempt));
  append(&head, sizeof head);
}

void NetlinkMessages::append(const void* data, size_t size) {
  const size_t at = buffer_.size();
  buffer_.resize(at + NLMSG_ALIGN(size));
  std::memcpy(buffer_.data() + at, data, size);
}

void NetlinkMessages::add(uint16_t type, const void* data, size_t size) {
  const nlattr head{static_cast<uint16_t>(sizeof(nlattr) + size), type};
  append(&head, sizeof head);
  append(data, size);
}

void NetlinkMessages::add_text(uint16_t type, std::string_view text) {
  const std::string terminated(text);
  add(type, terminated.c_str(), terminated.size() + 1);
}

size_t NetlinkMessages::open(uint16_t type) {
  const size_t at = buffer_.size();
  const nlattr head{sizeof(nlattr), type};
  append(&head, sizeof head);
  return at;
}

void NetlinkMessages::close(size_t opened) {
  const auto size = static_cast<uint16_t>(buffer_.size() - opened);
  std::memcpy(buffer_.data() + opened + offsetof(nlattr, nla_len), &size, sizeof size);
}

void NetlinkMessages::end_message() {
  if (attempts_.empty()) return;
  const auto size = static_cast<uint32_t>(buffer_.size() - began_);
  std::memcpy(buffer_.data() + began_ + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
}

const std::vector<char>& NetlinkMessages::finish() {
  end_message();
  uint16_t flags = 0;
  char* at = buffer_.data() + began_ + offsetof(nlmsghdr, nlmsg_flags);
  std::memcpy(&flags, at, sizeof flags);
  flags |= NLM_F_ACK;
  std::memcpy(at, &flags, sizeof flags);
  return buffer_;
}

void NetlinkMessages::clear() {
  first_ += static_cast<uint32_t>(attempts_.size());
  attempts_.clear();
  buffer_.clear();
}

}  // namespace mirrorlab::net
