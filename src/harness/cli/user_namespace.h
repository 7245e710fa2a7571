// Rootless runs: an ordinary user becomes root of a user namespace of his own.
#pragma once

#include <string>

namespace mirrorlab::cli {

// What the caller may do in the user namespace he got.
enum class UserMap : unsigned char {
  none,    // already root: no user namespace was made
  single,  // one user and group, which are root there
  range,   // root and 65,536 others, through newuidmap and newgidmap
};

struct Rootless {
  UserMap map = UserMap::none;
  std::string failure;  // errno and the mend; empty: it worked
};

// Makes the calling process (which has one thread) root of a user namespace when it is not root, by
// a range of ids where newuidmap and /etc/subuid give one, else by a single id. Call before other
// namespaces are made, so that they belong to it.
[[nodiscard]] Rootless become_root();

}  // namespace mirrorlab::cli
