#include "harness/scenario/yaml_scan.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

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
                const std::string&) override {
    empty_ = false;
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    empty_ = false;
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    empty_ = false;
  }
  void OnMapEnd() override {}

 private:
  int documents_ = 0;
  bool empty_ = true;
  Location first_;
};

}  // namespace

void scan_yaml(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Scan scan;
  while (parser.HandleNextDocument(scan)) {
  }
}

}  // namespace mirrorlab::scenario
