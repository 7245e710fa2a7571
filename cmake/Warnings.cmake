# Warnings are errors: a warning nobody has to fix is a warning nobody reads.
add_library(mirrorlab_options INTERFACE)
target_compile_options(mirrorlab_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror
  # Why: GCC 12 warns falsely inside std::string operator+ (GCC bug 105651), and on gtest macros after if.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-dangling-else>)
target_include_directories(mirrorlab_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
