# MIRRORLAB_SANITIZE: empty, "address,undefined", "thread" or "fuzzer-no-link,address,undefined".
set(MIRRORLAB_SANITIZE "" CACHE STRING "Comma-separated list given to -fsanitize=")
option(MIRRORLAB_COVERAGE "Instrument for gcovr" OFF)
if(MIRRORLAB_SANITIZE)
  add_compile_options(-fsanitize=${MIRRORLAB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MIRRORLAB_SANITIZE})
  # GCC 12 takes std::regex for uninitialized where it is instrumented.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
if(MIRRORLAB_COVERAGE)
  add_compile_options(--coverage -O0 -g)
  add_link_options(--coverage)
endif()
