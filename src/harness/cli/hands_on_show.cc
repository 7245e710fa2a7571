// What the prompt shows.
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <stdexcept>

#include "harness/cli/engine_question.h"
#include "harness/cli/engines.h"
#include "harness/cli/hands_on.h"

namespace mirrorlab::cli {

namespace {
constexpr os::Nanos kAnswer = os::kNanosPerSecond;
constexpr size_t kColumns = 100;

// "account.sessions_captured 17", for every number that is not zero.
void flatten(const nlohmann::json& figures, const std::string& prefix,
             std::vector<std::string>& into) {
  for (const auto& [key, value] : figures.items()) {
    if (value.is_object()) {
      flatten(value, prefix + key + ".", into);
    } else if (value.is_number() && value != 0) {
      into.push_back(prefix + key + " " + value.dump());
    }
  }
}

std::string in_lines(const std::vector<std::string>& words, const std::string& indent) {
  std::string text, line;
  for (const auto& word : words) {
    if (!line.empty() && indent.size() + line.size() + word.size() + 2 > kColumns) {
      text += indent + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : ", ") + word;
  }
  return line.empty() ? text : text + indent + line + "\n";
}

std::string file_of(const LabContext& lab, Program& engine) {
  return counters_file(lab, engine.spec().name, engine.runs());
}

// What it wrote when it was last asked or ended; null when it wrote nothing.
nlohmann::json written(const LabContext& lab, Program& engine) {
  std::ifstream in(file_of(lab, engine));
  return in ? nlohmann::json::parse(in, nullptr, false) : nlohmann::json();
}

}  // namespace

void HandsOn::print_counters(const std::string& engine) {
  Program& p = program(engine);
  const bool asked = !stopped_ && p.running() && !p.halted();
  nlohmann::json figures;
  if (asked) figures = ask_engine(lab_.context(), p, kAnswer).value_or(nlohmann::json());
  if (!asked) figures = written(lab_.context(), p);
  if (figures.is_object()) known_counters_[engine] = std::move(figures);
  const auto known = known_counters_.find(engine);
  if (known == known_counters_.end()) {
    std::cout << "  " << engine << ": no figures\n";
    return;
  }
  std::vector<std::string> words;
  for (const char* part : {"account", "counters", "capture", "inject", "header_return"}) {
    if (!known->second.contains(part)) continue;
    const bool plain = std::string_view(part) == "account" || std::string_view(part) == "counters";
    flatten(known->second[part], plain ? "" : std::string(part) + ".", words);
  }
  std::cout << "  " << engine << (asked ? ":\n" : ", as it last said:\n")
            << in_lines(words, "    ");
}

void HandsOn::counters(const Words& arguments) {
  for (const auto& engine : scenario_.engines) {
    if (!arguments.empty() && engine.id != arguments[0]) continue;
    if (engine.command.empty()) print_counters(engine.id);
  }
  if (!arguments.empty()) (void)program(arguments[0]);  // refuses what is no program
}

void HandsOn::print_session(const SessionWatch::Session& s) {
  const auto& service = watch_.services()[s.service];
  std::cout << fmt::format("  session {}: {} > {}, mirrored to {}\n   ", s.number,
                           s.client.to_string(), service.online.to_string(),
                           service.test.to_string());
  for (size_t i = 0; i < kOrigins; ++i) {
    std::cout << fmt::format("{} from {} {} packets, {} bytes", i == 0 ? "" : ";",
                             to_string(static_cast<Origin>(i)), s.counts[i].packets,
                             s.counts[i].bytes);
  }
  std::cout << '\n';
  for (const auto& packet : s.last) std::cout << "    " << packet << '\n';
}

void HandsOn::session(const Words& arguments) {
  const auto found = watch_.session(number(arguments[0]));
  if (!found) {
    throw std::runtime_error(
        fmt::format("no session {}; {} were opened so far", arguments[0], watch_.opened()));
  }
  print_session(*found);
}

void HandsOn::sessions(const Words& arguments) {
  const auto last = watch_.last_sessions(arguments.empty() ? 20 : number(arguments[0]));
  std::cout << fmt::format("  {} sessions opened\n", watch_.opened());
  for (const auto& s : last) {
    std::cout << fmt::format(
        "  {:>5}  {:<24} packets from clients {}, online {}, copy {}, test {}\n", s.number,
        s.client.to_string(), s.counts[0].packets, s.counts[1].packets, s.counts[2].packets,
        s.counts[3].packets);
  }
}

void HandsOn::links(const Words&) {
  for (const auto& f : lab_.topology().figures()) {
    std::cout << "  " << f.name;
    for (const auto& change : changes_) {
      if (change.link == f.name) std::cout << ", " << change.words;
    }
    std::cout << '\n';
    const auto middle = f.name.find('-');
    for (const size_t i : {0U, 1U}) {
      const auto& c = f.counters[i];
      uint64_t dropped = 0;
      for (const auto n : c.dropped) dropped += n;
      std::cout << fmt::format(
          "    {}: {} in, {} out, {} dropped, {} doubled, {} overtaken, {} waiting\n",
          i == 0 ? f.name.substr(0, middle) + " to " + f.name.substr(middle + 1)
                 : f.name.substr(middle + 1) + " to " + f.name.substr(0, middle),
          c.in, c.out, dropped, c.duplicated, c.reordered, f.waiting[i]);
    }
  }
}

void HandsOn::status(const Words&) {
  std::cout << id_ << ", files in " << lab_.context().out << "\nprograms\n";
  for (const auto& p : lab_.programs()) {
    // Of its output, the log tells.
    const std::string text = p->describe();
    std::cout << fmt::format("  {}\n", text.substr(0, text.find("; its last output")));
  }
  std::cout << "traffic\n";
  for (const auto& run : lab_.play().runs()) {
    std::string state = "not started";
    if (run.running()) {
      state = fmt::format("running for {:.1f} s",
                          static_cast<double>(os::steady_now() - run.began) / 1e9);
    } else if (run.due != os::kNever) {
      state =
          fmt::format("starts in {:.1f} s", static_cast<double>(run.due - lab_.wait().now()) / 1e9);
    } else if (run.code >= 0) {
      state = fmt::format("ended with {} after {:.1f} s", run.code,
                          static_cast<double>(run.took) / 1e9);
    }
    std::cout << "  " << run.name() << ": " << state << '\n';
  }
  if (!scenario_.timeline.empty()) {
    std::cout << "timeline\n";
    timeline({});
  }
  std::cout << "links\n";
  links({});
  std::cout << "breakpoints\n";
  breaks({});
  std::cout << fmt::format("{} sessions opened\n", watch_.opened());
  if (stopped_) say_what_waits();
}

}  // namespace mirrorlab::cli
