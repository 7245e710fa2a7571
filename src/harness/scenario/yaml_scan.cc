#include "harness/scenario/yaml_scan.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>
#include <utility>

#include "harness/scenario/yaml_value.h"

namespace mirrorlab::scenario {
namespace {

class Scan : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    const Location at{mark.line + 1, mark.column + 1};
    if (documents_++ == 0) {
      first_ = at;
      return;
    }
    // Why: yaml-cpp takes a token that can begin no value for an empty document, again and again.
    if (empty_) throw ReadError(first_, "not YAML: expected `key: value`");
    throw ReadError(at, "a second document; one scenario a file");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw ReadError({mark.line + 1, mark.column + 1},
                    "aliases are not read here; write the value itself");
  }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string& value) override {
    empty_ = false;
    if (value.find("${") != std::string::npos) with_variables.push_back(value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnMapEnd() override { --depth_; }

  std::vector<std::string> with_variables;

 private:
  // Why: deeper than any scenario goes, and far from where yaml-cpp gives up.
  static constexpr int kMaxDepth = 32;

  void enter(const YAML::Mark& mark) {
    empty_ = false;
    if (++depth_ > kMaxDepth) {
      throw ReadError({mark.line + 1, mark.column + 1},
                      "nested more than " + std::to_string(kMaxDepth) + " deep");
    }
  }

  int depth_ = 0;
  int documents_ = 0;
  bool empty_ = true;
  Location first_;
};

}  // namespace

std::vector<std::string> scan_yaml(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Scan scan;
  while (parser.HandleNextDocument(scan)) {
  }
  return std::move(scan.with_variables);
}

}  // namespace mirrorlab::scenario
