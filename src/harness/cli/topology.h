// The namespaces and links of a scenario, as planned: plain veth pairs where a link is clean, a
// link stage of the wirebox between two veth pairs where it is impaired or the timeline changes it.
// Clients with `mode: netns` are namespaces on a bridge in the clients node's own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/cli/fault_file.h"
#include "harness/cli/plan.h"
#include "harness/net/namespace.h"
#include "harness/net/netlink.h"
#include "harness/wirebox/gate.h"
#include "harness/wirebox/link.h"

namespace mirrorlab::cli {

class Topology {
 public:
  // Both outlive it. Throws std::runtime_error.
  Topology(const scenario::Scenario& scenario, const Plan& plan);

  [[nodiscard]] const net::Namespace& space(const std::string& node) const {
    return spaces_[numbers_.at(node)];
  }
  // Of clients in namespaces of their own, in the order of their addresses; else empty.
  [[nodiscard]] std::vector<const net::Namespace*> client_spaces(const std::string& node) const;

  // Changes a link of the scenario, named by its nodes in either order: what `there` sets from a to
  // b and `back` from b to a, on top of what was set before. The number undoes just this change.
  uint64_t change(const std::string& a, const std::string& b, const scenario::Impairments& there,
                  const scenario::Impairments& back);
  uint64_t change(const std::string& a, const std::string& b, const scenario::Impairments& both) {
    return change(a, b, both, both);
  }
  void undo(uint64_t number);
  // Faults of the links come from `list` and nowhere else. Before any traffic. Throws
  // std::runtime_error when a link is named that has no stage.
  void replay(const FaultList& list);
  // Holds and steps the packets of every link that has a stage (Link::impaired says which).
  [[nodiscard]] wirebox::Gate& gate() { return gate_; }
  [[nodiscard]] const wirebox::Gate& gate() const { return gate_; }
  // Runs `work` where the link stages' own devices are (w0a, w0b for the first link); nothing when
  // there are none.
  void in_wirebox(const std::function<void()>& work) const {
    if (wirebox_space_) wirebox_space_->run(work);
  }
  // What the link stages did so far.
  [[nodiscard]] std::vector<wirebox::Figures> figures() const;

 private:
  // A namespace as it is built: nodes first, then the clients that have one of their own.
  struct Host {
    const scenario::Node* node;
    uint32_t client = 0;  // from 1; 0: the node itself
    std::unique_ptr<net::Netlink> netlink;
    int next_index = 2;  // of devices; lo is 1
    [[nodiscard]] bool is_bridge() const {
      return client == 0 && (node->role == scenario::Role::bridge || node->spaces);
    }
  };
  void make_spaces(std::vector<Host>& hosts);
  void prepare(Host& host) const;
  void prepare_node(const scenario::Node& node, net::Netlink& netlink) const;
  void connect(const Plan::LinkPlan& link, std::vector<Host>& hosts);
  void connect_impaired(const Plan::LinkPlan& link, size_t index, std::vector<Host>& hosts);
  void connect_clients(size_t number, std::vector<Host>& hosts);
  void finish(Host& host) const;
  struct Stage {
    const scenario::Link* link;
    std::unique_ptr<wirebox::Link> stage;
    struct Change {
      scenario::Impairments a_to_b, b_to_a;
    };
    std::map<uint64_t, Change> changes;  // in their order
  };
  static void apply(Stage& stage);
  [[nodiscard]] Stage& stage(const std::string& a, const std::string& b);

  const scenario::Scenario& scenario_;
  const Plan& plan_;
  std::map<std::string, size_t> numbers_;       // of nodes
  std::vector<net::Namespace> spaces_;          // of nodes, then of clients
  std::map<std::string, size_t> first_client_;  // node -> place of its first client's namespace
  std::unique_ptr<net::Namespace> wirebox_space_;
  wirebox::Gate gate_;
  std::unique_ptr<net::Netlink> wirebox_netlink_;
  std::vector<Stage> stages_;
  uint64_t next_change_ = 1;
  size_t impaired_ = 0;  // links
};

}  // namespace mirrorlab::cli
