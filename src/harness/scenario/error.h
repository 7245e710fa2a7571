// What is wrong with a scenario file, and where.
#pragma once

#include <string>

namespace mirrorlab::scenario {

// Lines and columns count from 1; 0 means that the place has no line (a file that cannot be read).
struct Location {
  int line = 0;
  int column = 0;
};

struct Error {
  std::string file;
  Location at;
  std::string message;

  // "FILE:LINE:COL: message", what editors and compilers' users know.
  [[nodiscard]] std::string text() const {
    std::string place = file;
    if (at.line > 0) place += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    return place + ": " + message;
  }
};

}  // namespace mirrorlab::scenario
