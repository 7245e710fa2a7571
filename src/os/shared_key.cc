#include "os/shared_key.h"

#include <sodium.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "os/error.h"

namespace mirrorlab::os {

tl::expected<SharedKey, std::string> SharedKey::load(const std::string& path) {
  if (sodium_init() < 0) return tl::unexpected(std::string("libsodium cannot initialise"));
  std::ifstream in(path, std::ios::binary);
  if (!in) return failure("cannot open key file " + path, errno, "name a readable file");
  std::vector<char> text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (text.size() < 16 || text.size() > 65536) {
    return tl::unexpected("key file " + path + " holds " + std::to_string(text.size()) +
                          " bytes; a key needs 16 to 65536, e.g. head -c 32 /dev/urandom > FILE");
  }
  SharedKey key;
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
      (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    key.warning_ = "key file " + path + " is open to other users of this host; chmod 600 " + path;
  }
  crypto_generichash(key.key_.data(), key.key_.size(),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, 0);
  sodium_memzero(text.data(), text.size());
  return key;
}

Mac SharedKey::prove(std::string_view role, const Nonce& server, const Nonce& client) const {
  std::vector<unsigned char> message(role.begin(), role.end());
  message.insert(message.end(), server.begin(), server.end());
  message.insert(message.end(), client.begin(), client.end());
  Mac mac;
  crypto_auth(mac.data(), message.data(), message.size(), key_.data());
  return mac;
}

bool SharedKey::verify(const Mac& mac, std::string_view role, const Nonce& server,
                       const Nonce& client) const {
  const Mac expected = prove(role, server, client);
  return sodium_memcmp(expected.data(), mac.data(), mac.size()) == 0;
}

tl::expected<Nonce, std::string> make_nonce() {
  if (sodium_init() < 0) return tl::unexpected(std::string("libsodium cannot initialise"));
  Nonce nonce;
  randombytes_buf(nonce.data(), nonce.size());
  return nonce;
}

std::string require_key(bool loopback, bool has_key, bool no_auth, std::string_view what) {
  if (loopback || has_key || no_auth) return {};
  return std::string(what) +
         " is not loopback: give --key-file FILE (the same on both sides), or --no-auth to say "
         "that the network between the two is trusted";
}

}  // namespace mirrorlab::os
