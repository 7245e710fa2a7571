// The running laboratory of one scenario: namespaces, links, services, engines, taps.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/net/namespace.h"
#include "harness/process/child.h"
#include "harness/scenario/model.h"
#include "harness/verify/tap.h"
#include "harness/verify/verify.h"

namespace mirrorlab::cli {

// Addresses: clients 10.1.0.1 and up, the online host 10.1.255.1 toward them and 10.2.0.1 toward
// the test host, the test host 10.2.0.2. The online host routes between the two, so that a reply
// of the test host would reach a client if nothing took it away.
class Lab {
 public:
  // `programs`: where mirrorlab, mirror-copy and mirror-intercept are. Throws std::runtime_error.
  Lab(const scenario::Scenario& scenario, std::string out, std::string programs,
      const std::atomic<bool>& interrupted);

  void build();
  void start_services();
  void start_engines();
  void start_taps();
  // Runs every traffic to its end; the built-in clients' own figures.
  nlohmann::json drive_traffic();
  // Waits until the copy engine says that nothing waits any more. False when the time is over.
  bool drain();
  // Ends engines (their counters are then written) and taps.
  verify::Evidence collect();
  [[nodiscard]] std::string describe_processes();
  [[nodiscard]] nlohmann::json intercept_counters() const {
    return read_json(out_ + "/intercept.json");
  }

 private:
  [[nodiscard]] const scenario::Node& node(scenario::Role role) const;
  [[nodiscard]] const net::Namespace& space(const std::string& node) const;
  [[nodiscard]] static nlohmann::json read_json(const std::string& path);
  std::unique_ptr<process::Child> start(const std::string& name, const std::string& node,
                                        std::vector<std::string> command);
  void expect_ready(process::Child& child, const std::string& line);
  void wait_listening(process::Child& child, const std::string& node, uint16_t port);
  void start_nginx(const std::string& node, const scenario::Service& service);
  [[nodiscard]] std::vector<std::string> traffic_command(const scenario::Traffic& traffic) const;

  const scenario::Scenario& scenario_;
  std::string out_;
  std::string programs_;
  const std::atomic<bool>& interrupted_;
  std::map<std::string, net::Namespace> spaces_;
  std::vector<std::unique_ptr<process::Child>> services_;
  std::unique_ptr<process::Child> copy_, intercept_;
  std::unique_ptr<verify::Tap> tap_clients_, tap_online_, tap_test_;
};

// What cannot be had here, or an empty string: a reason to skip.
[[nodiscard]] std::string missing_for(const scenario::Scenario& scenario);

}  // namespace mirrorlab::cli
