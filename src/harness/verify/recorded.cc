#include "harness/verify/recorded.h"

#include <algorithm>
#include <unordered_map>

#include "wire/stream_digest.h"

namespace mirrorlab::verify {

namespace {
// Digest of the first `bytes` of a connection's stream.
uint64_t digest_of(const Connection& c, int64_t bytes) {
  wire::StreamDigest digest;
  for (const Piece& piece : c.pieces) {
    if (piece.offset >= bytes) break;
    digest.add({piece.data, static_cast<size_t>(std::min(piece.end(), bytes) - piece.offset)});
  }
  return digest.value();
}

bool same_stream(const RecordedConnection& r, const Connection& c) {
  const auto bytes = static_cast<int64_t>(r.bytes);
  return bytes <= c.length && digest_of(c, bytes) == r.digest;
}

// A service that read all there was: the client closed, and the service read up to it.
bool read_to_the_end(const RecordedConnection& r, const Connection& c) {
  return r.close == "client" && c.close == CloseKind::fin;
}
}  // namespace

Recorded lay_beside(const Recording& recording, const Connections& tap, const std::string& side) {
  Recorded out;
  out.of.resize(tap.all.size(), nullptr);
  const auto disagree = [&](const RecordedConnection& r, const std::string& what) {
    ++out.disagreements;
    if (out.first_disagreement.empty()) {
      out.first_disagreement = side + " " + r.client.to_string() + ": " + what;
    }
  };
  std::unordered_map<wire::Endpoint, std::vector<const RecordedConnection*>> by_client;
  for (const auto& r : recording.connections) by_client[r.client].push_back(&r);
  for (auto& [client, records] : by_client) {
    std::ranges::sort(records, {}, &RecordedConnection::accepted_ns);
    const auto found = tap.by_client.find(client);
    if (found == tap.by_client.end()) {
      disagree(*records.front(), "recorded, but no tap saw it");
      continue;
    }
    // Both are in the order of their beginnings; the tap may know connections that never got as
    // far as the service, so a record takes the next one that carries its stream.
    size_t next = 0;
    for (const RecordedConnection* r : records) {
      size_t at = next;
      while (at < found->second.size() && !same_stream(*r, tap.all[found->second[at]])) ++at;
      if (at == found->second.size()) {
        disagree(*r,
                 "the recorded " + std::to_string(r->bytes) + " bytes are not those of the tap");
        continue;
      }
      const Connection& c = tap.all[found->second[at]];
      if (read_to_the_end(*r, c) && static_cast<int64_t>(r->bytes) != c.length) {
        disagree(*r, "the service got " + std::to_string(r->bytes) + " bytes, the tap saw " +
                         std::to_string(c.length));
      }
      out.of[found->second[at]] = r;
      next = at + 1;
    }
  }
  for (size_t i = 0; i < tap.all.size(); ++i) {
    const Connection& c = tap.all[i];
    if (out.of[i] != nullptr || c.length == 0 || c.close != CloseKind::fin) continue;
    ++out.disagreements;
    if (out.first_disagreement.empty()) {
      out.first_disagreement = side + " " + c.client.to_string() +
                               ": a whole connection on the tap that the service never recorded";
    }
  }
  return out;
}

}  // namespace mirrorlab::verify
