// mirrorlab doctor: what this machine has, what is used in place of what it lacks, and errno where
// something is refused.
#pragma once

#include <string>

namespace mirrorlab::cli {

// Prints a line per capability (or one JSON object); 0 when scenarios can run here, else 3.
// `programs`: the directory of the engines.
int doctor(const std::string& programs, bool json);

}  // namespace mirrorlab::cli
