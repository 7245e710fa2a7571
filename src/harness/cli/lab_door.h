// Lets the user who started a laboratory into its nodes from other terminals: a unix socket with an
// abstract name, mirrorlab/NAME, which is gone when the laboratory is, however it ends.
//
// `info` is answered by name, variant, directory and nodes, a line each; `enter NODE` by the
// descriptors of the user, mount, pid and network namespace, in this order.
//
// Threads: its own answers; one visitor at a time, who is given a second to ask.
#pragma once

#include <map>
#include <string>
#include <thread>

#include "os/fd.h"

namespace mirrorlab::cli {

inline constexpr const char* kDoorPrefix = "mirrorlab/";

class LabDoor {
 public:
  struct About {
    std::string name, variant, out;
  };
  // `nodes`: network namespace of each; the descriptors outlive the door. Throws
  // std::runtime_error.
  LabDoor(About about, std::map<std::string, int> nodes);
  ~LabDoor();
  LabDoor(const LabDoor&) = delete;
  LabDoor& operator=(const LabDoor&) = delete;

  // The name it is found by: the scenario's, with a number where several are up.
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  void open();
  void serve();
  void answer(int visitor);
  // Clients in namespaces of their own (NODE.N) are many, and left out.
  [[nodiscard]] std::string nodes_in_words() const;

  About about_;
  std::map<std::string, int> nodes_;
  std::string id_;
  os::Fd listening_, stop_, user_, mount_, pid_;
  std::thread thread_;
};

}  // namespace mirrorlab::cli
