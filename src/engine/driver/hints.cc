#include "engine/driver/hints.h"

namespace mirrorlab::engine {

namespace {
std::string losses(const Account& a) {
  std::string text;
  for (size_t i = 1; i < kLossReasons; ++i) {
    if (a.sessions_lost[i] == 0) continue;
    text += (text.empty() ? "lost anything: " : ", ") + std::to_string(a.sessions_lost[i]) +
            " session(s) by " + to_string(static_cast<LossReason>(i));
  }
  return text;
}

std::string where_to_look(const Outcome& o) {
  const auto refused = o.account.sessions_lost[static_cast<size_t>(LossReason::handshake_refused)];
  if (o.captured == 0) {
    return "no client's packet was captured: do clients reach the ports of --map on this host, and "
           "by the --device, if one is named?";
  }
  if (o.sent > 0 && o.heard == 0) {
    if (!o.link_failure.empty()) {
      return "no reply was heard, for the header return was not up: " + o.link_failure;
    }
    return "no reply of the test host was heard: on the test host `mirror-intercept --check "
           "--client ADDR`, with a client's address, says what may be wrong; its --service-port is "
           "the port behind the dash of --map";
  }
  if (refused > 0 && o.account.sessions_mirrored == 0) {
    return "the test host refuses connections: does the service listen on the address and port "
           "behind the dash of --map?";
  }
  return {};
}
}  // namespace

std::vector<std::string> hints(const Outcome& outcome) {
  std::vector<std::string> lines;
  for (auto line : {losses(outcome.account), where_to_look(outcome)}) {
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace mirrorlab::engine
