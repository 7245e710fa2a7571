// How the services of a scenario are run: built-in recorder, nginx, redis, memcached, any command.
#pragma once

#include "harness/cli/lab_context.h"
#include "harness/cli/program.h"

namespace mirrorlab::cli {

// The file that a built-in service (NODE.SERVICE) writes its own account of a run to.
[[nodiscard]] std::string recording_file(const LabContext& lab, const std::string& program,
                                         int run);
// Writes what the service needs (nginx's configuration). Throws std::runtime_error.
[[nodiscard]] Program::Spec service_program(const LabContext& lab, const scenario::Node& node,
                                            const scenario::Service& service);

}  // namespace mirrorlab::cli
