#include "harness/cli/replay.h"

#include <fmt/format.h>

#include <iostream>
#include <optional>

namespace mirrorlab::cli {

namespace {
int complain(const std::string& message) {
  std::cerr << "mirrorlab: " << message << '\n';
  return 2;
}
}  // namespace

tl::expected<FaultList, std::string> read_replay(const std::string& place, Selection& selection) {
  auto list = read_faults(place);
  if (!list) return list;
  if (selection.places.empty()) {
    selection.places = {list->path};
    selection.variant = list->variant;
  }
  if (!selection.seed) selection.seed = list->seed;
  return list;
}

int shrink_command(const std::string& place, Selection selection, ShrinkOptions options) {
  std::optional<FaultList> list;
  if (place.ends_with(".yaml")) {
    selection.places = {place};
  } else {
    auto read = read_replay(place, selection);
    if (!read) return complain(read.error());
    list = std::move(*read);
  }
  const auto all = select(selection);
  if (!all) return complain(all.error());
  if (all->size() != 1) {
    return complain(
        fmt::format("the scenario has {} variants; name one with --variant", all->size()));
  }
  if (options.out.empty()) options.out = "mirrorlab-out/shrink-" + all->front().name;
  return shrink(all->front(), list ? &*list : nullptr, options);
}

}  // namespace mirrorlab::cli
