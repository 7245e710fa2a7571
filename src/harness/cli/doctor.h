// mirrorlab doctor: what this machine has, with errno where something is refused.
#pragma once

namespace mirrorlab::cli {

// Prints a line per capability; 0 when scenarios can run here, else 3.
int doctor();

}  // namespace mirrorlab::cli
