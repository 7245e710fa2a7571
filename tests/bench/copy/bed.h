// Two network namespaces and a veth pair between them: packets sent on `near` arrive at `far`,
// where no one answers them.
#pragma once

#include "harness/net/namespace.h"
#include "wire/flow.h"

namespace mirrorlab::bench {

class CopyBed {
 public:
  CopyBed();
  [[nodiscard]] const net::Namespace& near() const { return near_; }
  [[nodiscard]] const net::Namespace& far() const { return far_; }
  // Beyond `far`, which does not forward: what arrives ends in its IP layer.
  static wire::Endpoint test() { return *wire::Endpoint::parse("10.2.0.2:80"); }
  // An address of `far` itself.
  static wire::Endpoint online() { return *wire::Endpoint::parse("10.1.0.2:80"); }

 private:
  net::Namespace near_ = net::Namespace::create();
  net::Namespace far_ = net::Namespace::create();
};

}  // namespace mirrorlab::bench
