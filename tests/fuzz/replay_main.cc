// Feeds the files of a corpus to a fuzz target, where libFuzzer is not linked: so every compiler
// and every ctest run replays what fuzzing found.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "fuzz/check.h"

namespace {
namespace fs = std::filesystem;

constexpr unsigned kSecondsPerInput = 20;
std::string current;  // what to print when the target aborts, crashes or hangs

void on_fatal(int number) {
  static constexpr char kHang[] = "\nfuzz: the target hangs; ";
  if (number == SIGALRM) static_cast<void>(!::write(2, kHang, sizeof kHang - 1));
  static_cast<void>(!::write(2, current.data(), current.size()));
  ::signal(number, SIG_DFL);
  ::raise(number);
}

std::vector<fs::path> inputs(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}
}  // namespace

int main(int argc, char** argv) {
  for (const int number : {SIGABRT, SIGSEGV, SIGFPE, SIGALRM}) ::signal(number, on_fatal);
  const auto files = inputs(argc, argv);
  if (files.empty()) {
    std::cerr << "usage: " << argv[0] << " FILE_OR_DIRECTORY...\n";
    return 2;
  }
  for (const auto& path : files) {
    current = std::string("reproduce: ") + argv[0] + " " + path.string() + "\n";
    std::ifstream in(path, std::ios::binary);
    const std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
    if (!in) {
      std::cerr << "cannot read " << path.string() << ": " << std::strerror(errno) << '\n';
      return 2;
    }
    // Why a copy of exact size: a read past the end is then seen by the sanitizers.
    const std::vector<uint8_t> bytes(text.begin(), text.end());
    ::alarm(kSecondsPerInput);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  ::alarm(0);
  std::cout << files.size() << " inputs replayed\n";
}
