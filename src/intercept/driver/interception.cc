#include "intercept/driver/interception.h"

#include "intercept/driver/ebpf_interception.h"
#include "intercept/driver/mirred_interception.h"
#include "intercept/driver/nfqueue_interception.h"
#include "intercept/driver/route_interception.h"

namespace mirrorlab::intercept {

std::unique_ptr<Interception> make_interception(const InterceptOptions& options,
                                                const OpenQueue& open_queue) {
  switch (options.via) {
    case Via::ebpf:
      return std::make_unique<EbpfInterception>(options);
    case Via::mirred:
      return std::make_unique<MirredInterception>(options);
    case Via::route:
      return std::make_unique<RouteInterception>(options);
    case Via::nfqueue:
      break;
  }
  return std::make_unique<NfqueueInterception>(options, open_queue);
}

}  // namespace mirrorlab::intercept
