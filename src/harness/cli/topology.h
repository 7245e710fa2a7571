// The namespaces and links of a scenario, as planned: plain veth pairs where a link is clean, a
// link stage of the wirebox between two veth pairs where it is impaired or the timeline changes it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/cli/plan.h"
#include "harness/net/namespace.h"
#include "harness/wirebox/gate.h"
#include "harness/wirebox/link.h"

namespace mirrorlab::cli {

class Topology {
 public:
  // Throws std::runtime_error.
  Topology(const scenario::Scenario& scenario, const Plan& plan);

  [[nodiscard]] const net::Namespace& space(const std::string& node) const {
    return spaces_.at(node);
  }
  // Changes a link of the scenario, named by its nodes in either order, in both directions: what
  // `change` sets, on top of what was set before. The number undoes just this change.
  uint64_t change(const std::string& a, const std::string& b, const scenario::Impairments& change);
  void undo(uint64_t number);
  // Holds and steps the packets of every link that has a stage (Link::impaired says which).
  [[nodiscard]] wirebox::Gate& gate() { return gate_; }
  // What the link stages did so far.
  [[nodiscard]] std::vector<wirebox::Figures> figures() const;

 private:
  void prepare(const scenario::Node& node, const Plan& plan);
  void connect(const Plan::LinkPlan& link, size_t index);
  void connect_impaired(const Plan::LinkPlan& link, size_t index);
  void finish(const scenario::Node& node, const Plan& plan);
  struct Stage {
    const scenario::Link* link;
    std::unique_ptr<wirebox::Link> stage;
    std::map<uint64_t, scenario::Impairments> changes;  // in their order
  };
  static void apply(Stage& stage);
  [[nodiscard]] Stage& stage(const std::string& a, const std::string& b);

  const scenario::Scenario& scenario_;
  std::map<std::string, net::Namespace> spaces_;
  std::unique_ptr<net::Namespace> wirebox_space_;
  wirebox::Gate gate_;
  std::vector<Stage> stages_;
  uint64_t next_change_ = 1;
  size_t impaired_ = 0;  // links
};

}  // namespace mirrorlab::cli
