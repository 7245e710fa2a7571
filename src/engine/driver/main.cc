// mirror-copy: mirrors the clients of this host's services to a test host.
#include "engine/driver/options.h"
#include "engine/driver/program.h"

int main(int argc, char** argv) {
  using namespace mirrorlab;
  const auto options = engine::parse_copy_options(argc, argv);
  if (!options) return options.error();
  return engine::run_copy(*options, engine::copy_parts());
}
