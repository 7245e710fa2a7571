#include "engine/driver/copy_parts.h"

#include <iostream>

#include "engine/driver/header_client.h"
#include "os/atomic_file.h"
#include "os/open_capture.h"

namespace mirrorlab::engine {

CopyParts copy_parts() {
  return {.source = os::open_capture,
          .sender = [](os::InjectWay way, size_t max_packet) -> Made<os::PacketSender> {
            return os::Injector::open(way, max_packet);
          },
          .link = [](os::EventLoop& loop, const wire::Endpoint& intercept, const os::SharedKey* key,
                     HeaderLink::TakeRecords take_records,
                     HeaderLink::TakeLink take_link) -> std::unique_ptr<HeaderLink> {
            return std::make_unique<HeaderClient>(loop, intercept, key, std::move(take_records),
                                                  std::move(take_link));
          },
          .write_figures =
              [](const std::string& path, const nlohmann::json& figures) {
                return os::write_file(path, figures.dump(2) + "\n");
              },
          .notice = [](const std::string& text) { std::cerr << "mirror-copy: " + text + "\n"; }};
}

}  // namespace mirrorlab::engine
