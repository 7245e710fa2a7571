// What the copy engine is put together from: the doors to the network and to its figures' file.
//
// copy_parts() gives the real ones. Others (tests, deliberately broken engines) wrap them.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>

#include "engine/driver/header_link.h"
#include "os/event_loop.h"
#include "os/injector.h"
#include "os/packet_source.h"
#include "os/shared_key.h"

namespace mirrorlab::engine {

template <class T>
using Made = tl::expected<std::unique_ptr<T>, std::string>;

struct CopyParts {
  std::function<Made<os::PacketSource>(const os::CaptureOptions&)> source;
  std::function<Made<os::PacketSender>(os::InjectWay way, size_t max_packet)> sender;
  std::function<std::unique_ptr<HeaderLink>(os::EventLoop&, const wire::Endpoint& intercept,
                                            const os::SharedKey*, HeaderLink::TakeRecords,
                                            HeaderLink::TakeLink)>
      link;
  std::function<tl::expected<void, std::string>(const std::string& path, nlohmann::json figures)>
      write_figures;
  // A line for the operator; may be empty.
  std::function<void(const std::string&)> notice;
};

[[nodiscard]] CopyParts copy_parts();

}  // namespace mirrorlab::engine
