// From another terminal into a laboratory that is up: which there are, a command in a node, a
// shell.
#pragma once

#include <string>
#include <vector>

namespace mirrorlab::cli {

// Lists the laboratories of this user; 0.
int list_labs();

// Runs `command` in the node's namespaces, with this terminal; its exit code, 128 + signal, 2 when
// there is no such laboratory or node, 3 when it cannot be entered. `id` may be empty where only
// one laboratory is up. An empty command: $SHELL.
int visit(const std::string& id, const std::string& node, std::vector<std::string> command);

}  // namespace mirrorlab::cli
