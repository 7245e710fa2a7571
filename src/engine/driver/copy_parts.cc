#include "engine/driver/copy_parts.h"

#include <iostream>

#include "engine/driver/header_client.h"
#include "os/atomic_file.h"
#include "os/open_capture.h"
#include "os/raw_sender.h"

namespace mirrorlab::engine {

CopyParts copy_parts() {
  return {.source = os::open_capture,
          .sender = [](size_t max_packet) -> Made<os::PacketSender> {
            auto sender = os::RawSender::open(max_packet);
            if (!sender) return tl::unexpected(sender.error());
            return std::make_unique<os::RawSender>(std::move(*sender));
          },
          .link = [](os::EventLoop& loop, const wire::Endpoint& intercept, const os::SharedKey* key,
                     HeaderLink::TakeRecord take_record,
                     HeaderLink::TakeLink take_link) -> std::unique_ptr<HeaderLink> {
            return std::make_unique<HeaderClient>(loop, intercept, key, std::move(take_record),
                                                  std::move(take_link));
          },
          .write_figures =
              [](const std::string& path, const nlohmann::json& figures) {
                return os::write_file(path, figures.dump(2) + "\n");
              },
          .notice = [](const std::string& text) { std::cerr << "mirror-copy: " + text + "\n"; }};
}

}  // namespace mirrorlab::engine
