// Addresses, device names and routes of a scenario's topology: pure, from its nodes and links.
//
// IPv4                                        IPv6
//   clients node k   10.(1+k).0.0/16            fd00:0:0:(1+k)::/64      first client ...1
//   other node j     10.200.0.(1+j)/32 on lo    fd00:0:0:2000::(1+j)/128
//   link l           10.201.0.0 + 4*l, /30      fd00:0:0:(3000+l)::/64   ends 1 and 2
//
// Every node routes, by the fewest links, and what it sends bears its own address. So a reply of a
// test host would reach a client if nothing took it away.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/scenario/model.h"
#include "wire/flow.h"

namespace mirrorlab::cli {

class Plan {
 public:
  struct End {
    std::string node;
    std::string device;
    std::string address;  // ADDR/LEN on the link
  };
  struct LinkPlan {
    End a, b;
    const scenario::Link* link = nullptr;
  };
  struct Route {
    std::string prefix;
    std::string gateway;
  };

  // The scenario outlives the plan. Throws std::runtime_error when two nodes that must talk to each
  // other have no path.
  explicit Plan(const scenario::Scenario& scenario);

  // A node's own address; of a clients node the first client's.
  [[nodiscard]] wire::IpAddress address(const std::string& node) const;
  [[nodiscard]] wire::Endpoint endpoint(const std::string& node, uint16_t port) const;
  // What a node answers to, as ADDR/LEN: its address, or the clients' whole prefix.
  [[nodiscard]] std::string prefix(const std::string& node) const;
  [[nodiscard]] const std::vector<LinkPlan>& links() const { return links_; }
  [[nodiscard]] std::vector<Route> routes(const std::string& node) const;
  // The device of `from` by which packets to `to` leave. Throws when there is no path.
  [[nodiscard]] std::string device_toward(const std::string& from, const std::string& to) const;
  [[nodiscard]] bool connected(const std::string& from, const std::string& to) const;

 private:
  struct Hop {
    size_t link;
    bool from_a;
  };
  void find_paths(const std::string& from);
  const Hop* hop(const std::string& from, const std::string& to) const;

  const scenario::Scenario& scenario_;
  std::map<std::string, std::string> prefixes_;
  std::map<std::string, wire::IpAddress> addresses_;
  std::vector<LinkPlan> links_;
  std::map<std::string, std::map<std::string, Hop>> first_hops_;  // from, to
};

}  // namespace mirrorlab::cli
