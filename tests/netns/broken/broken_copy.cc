// broken-copy --fault FAULT, then mirror-copy's options: mirror-copy with one thing wrong, made of
// the same libraries. The verifier has to find it.
#include <cstring>
#include <iostream>

#include "engine/driver/options.h"
#include "engine/driver/program.h"
#include "netns/broken/faults.h"

namespace {
using namespace mirrorlab;

void add(nlohmann::json& group, const char* key, uint64_t more) {
  group[key] = group[key].get<uint64_t>() + more;
}

void miscount(broken::Fault fault, nlohmann::json& figures) {
  if (fault == broken::Fault::miscount) {
    add(figures["account"], "bytes_mirrored", 1000);
    add(figures["account"], "bytes_captured", 1000);
  } else if (fault == broken::Fault::miscount_captured) {
    add(figures["capture"], "packets", 10);
  } else {
    add(figures["inject"], "packets", 10);
    add(figures["counters"], "segments_sent", 10);
  }
}

engine::CopyParts broken_parts(broken::Fault fault) {
  const engine::CopyParts sound = engine::copy_parts();
  engine::CopyParts parts = sound;
  if (broken::miscounts(fault)) {
    parts.write_figures = [sound, fault](const std::string& path, nlohmann::json figures) {
      miscount(fault, figures);
      return sound.write_figures(path, std::move(figures));
    };
    return parts;
  }
  // The engine owns the sender, and lives as long as the links that refer to it.
  auto sender = std::make_shared<broken::BrokenSender*>(nullptr);
  parts.sender = [=](os::InjectWay way, size_t max_packet) -> engine::Made<os::PacketSender> {
    auto made = sound.sender(way, max_packet);
    if (!made) return made;
    auto spoilt = broken::break_sender(fault, std::move(*made));
    *sender = spoilt.get();
    return spoilt;
  };
  parts.link = [=](os::EventLoop& loop, const wire::Endpoint& intercept, const os::SharedKey* key,
                   engine::HeaderLink::TakeRecords take_records,
                   engine::HeaderLink::TakeLink take_link) {
    (*sender)->set_forge([=](const wire::HeaderRecord& record, os::Nanos now) {
      take_records({&record, 1}, now);
    });
    auto amended = [=](std::span<const wire::HeaderRecord> records, os::Nanos now) {
      std::vector<wire::HeaderRecord> changed(records.begin(), records.end());
      for (wire::HeaderRecord& record : changed) (*sender)->amend(record);
      take_records(changed, now);
    };
    return sound.link(loop, intercept, key, amended, std::move(take_link));
  };
  return parts;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || std::strcmp(argv[1], "--fault") != 0) {
    std::cerr << "broken-copy --fault FAULT MIRROR-COPY'S OPTIONS\n";
    return 2;
  }
  const auto fault = broken::parse_fault(argv[2]);
  if (!fault) {
    std::cerr << "broken-copy: no fault " << argv[2] << '\n';
    return 2;
  }
  argv[2] = argv[0];
  auto options = engine::parse_copy_options(argc - 2, argv + 2);
  if (!options) return options.error();
  if (*fault == broken::Fault::swap || *fault == broken::Fault::early_turn) {
    options->core.wait_for_answers = false;
  }
  return engine::run_copy(*options, broken_parts(*fault));
}
