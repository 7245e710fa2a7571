// Addresses, device names and routes of a scenario's topology: pure, from its nodes and links.
//
// IPv4                                        IPv6
//   clients node k   10.(1+k).0.0/16            fd00:0:0:(1+k)::/64      first client ...1
//   other node j     10.200.0.(1+j)/32 on lo    fd00:0:0:2000::(1+j)/128
//   link l           10.201.0.0 + 4*l, /30      fd00:0:0:(3000+l)::/64   ends 1 and 2
//   bridged net b    10.208.0.0 + 1024*b, /22   fd00:0:0:(4000+b)::/64   hosts 1, 2 ...
//
// A network is one link between two hosts, or all links that bridges join. A host whose only link
// goes to a bridge is known by its address there and has none on lo. Clients in namespaces of their
// own are joined by a bridge in the clients node, which is their gateway.
//
// Every host but clients and assistants routes, by the fewest networks, and what it sends bears its
// own address. So a reply of
// a test host would reach a client if nothing took it away. A test host with an assistant sends
// what is for clients there.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/scenario/model.h"
#include "wire/flow.h"

namespace mirrorlab::cli {

// Thrown where a topology cannot be built as it is written: what is wrong, and where in the file.
class PlanError : public std::runtime_error {
 public:
  PlanError(scenario::Location at, const std::string& message)
      : std::runtime_error(message), at_(at) {}
  [[nodiscard]] scenario::Location at() const { return at_; }

 private:
  scenario::Location at_;
};

class Plan {
 public:
  struct End {
    std::string node;
    std::string device;
    std::string address;  // ADDR/LEN on the link; none at a bridge
  };
  struct LinkPlan {
    End a, b;
    const scenario::Link* link = nullptr;
  };
  struct Route {
    std::string prefix;
    std::string gateway;
  };

  // The scenario outlives the plan. Throws PlanError when two nodes that must talk to each other
  // have no path.
  explicit Plan(const scenario::Scenario& scenario);

  // A node's own address; of a clients node the first client's.
  [[nodiscard]] wire::IpAddress address(const std::string& node) const;
  [[nodiscard]] wire::Endpoint endpoint(const std::string& node, uint16_t port) const;
  // What a node answers to, as ADDR/LEN: its address, or the clients' whole prefix.
  [[nodiscard]] std::string prefix(const std::string& node) const;
  // The addresses its loopback device has, as ADDR/LEN; none where its own is on a link.
  [[nodiscard]] std::string loopback(const std::string& node) const;
  // Of clients in namespaces of their own: the address of their bridge, as ADDR/LEN.
  [[nodiscard]] std::string gateway(const std::string& clients) const;
  [[nodiscard]] wire::IpAddress client(const std::string& clients, uint32_t number) const;
  // The address that what a node's own namespace sends bears.
  [[nodiscard]] std::string source(const std::string& node) const;
  [[nodiscard]] const std::vector<LinkPlan>& links() const { return links_; }
  [[nodiscard]] std::vector<Route> routes(const std::string& node) const;
  // The device of `from` by which packets to `to` leave. Throws when there is no path.
  [[nodiscard]] std::string device_toward(const std::string& from, const std::string& to) const;
  // The host that packets of `from` to `to` come to next; empty when there is no path.
  [[nodiscard]] std::string host_toward(const std::string& from, const std::string& to) const;
  // All devices of a node but lo.
  [[nodiscard]] std::vector<std::string> devices(const std::string& node) const;
  [[nodiscard]] bool connected(const std::string& from, const std::string& to) const;

 private:
  struct Place {  // a host's end of a link
    size_t node;
    size_t link;
    bool at_a;
  };
  struct Network {
    std::vector<Place> hosts;
    bool bridged = false;
    std::string prefix;
  };
  struct Hop {
    size_t node;  // the next one
    size_t link;
    bool at_a;
    std::string gateway;
  };
  [[nodiscard]] size_t number(const std::string& node) const { return numbers_.at(node); }
  [[nodiscard]] bool is_bridge(size_t node) const;
  [[nodiscard]] const End& end(size_t link, bool at_a) const {
    return at_a ? links_[link].a : links_[link].b;
  }
  [[nodiscard]] std::vector<size_t> join_links() const;
  void make_networks();
  void address_networks();
  void address_nodes();
  void find_paths(size_t from);
  void check_paths() const;
  void need_path(scenario::Location at, const std::string& who, const std::string& from,
                 const std::string& to, const std::string& why) const;
  [[nodiscard]] bool forwards(size_t node) const;
  [[nodiscard]] const Hop* hop(size_t from, size_t to) const;

  const scenario::Scenario& scenario_;
  const bool v6_;
  std::map<std::string, size_t> numbers_;
  std::vector<LinkPlan> links_;
  std::vector<Network> networks_;
  std::vector<std::vector<size_t>> networks_of_;             // by node
  std::vector<std::string> prefixes_;                        // by node
  std::vector<std::string> destinations_;                    // by node: the prefix others route to
  std::vector<std::string> gateways_;                        // by node
  std::vector<wire::IpAddress> addresses_;                   // by node
  std::vector<std::vector<std::optional<Hop>>> first_hops_;  // from, to
};

}  // namespace mirrorlab::cli
