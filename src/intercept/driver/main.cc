// mirror-intercept: takes the test host's replies away and returns their headers.
#include "intercept/driver/options.h"
#include "intercept/driver/program.h"

int main(int argc, char** argv) {
  using namespace mirrorlab;
  const auto options = intercept::parse_intercept_options(argc, argv);
  if (!options) return options.error();
  return intercept::run_intercept(*options, intercept::intercept_parts());
}
