#include "harness/traffic/client_dialogue.h"

namespace mirrorlab::traffic {

std::unique_ptr<ClientDialogue> make_client_dialogue(const ClientOptions& options, Random& random,
                                                     uint64_t user, uint64_t requests) {
  switch (options.kind) {
    case ClientKind::http:
      return make_http_dialogue(options, random, requests);
    case ClientKind::redis:
      return make_redis_dialogue(options, random, user, requests);
    case ClientKind::raw:
      return make_raw_dialogue(options, random);
    case ClientKind::replay:
      return make_replay_dialogue(options, user);
    case ClientKind::script:
      break;
  }
  return make_script_dialogue(options, random, user);
}

}  // namespace mirrorlab::traffic
