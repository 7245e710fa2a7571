#include "harness/report/outcome.h"

#include "harness/report/text.h"

namespace mirrorlab::report {

Outcome outcome_of(const Result& r) {
  Outcome o;
  o.name = r.name;
  o.variant = r.variant;
  o.path = r.path;
  o.seed = r.seed;
  o.verdict = r.verdict;
  o.reason = r.reason;
  o.code = exit_code(r);
  for (const auto& [phase, seconds] : r.duration_s) o.seconds += seconds;
  o.text = to_text(r);
  o.json = to_json(r);
  o.reproduce = r.reproduce;
  return o;
}

std::string to_line(const Outcome& o) {
  // Why replace: an engine's output may hold anything, and the verdict must not be lost for it.
  return nlohmann::json{{"name", o.name}, {"variant", o.variant},    {"path", o.path},
                        {"seed", o.seed}, {"verdict", o.verdict},    {"reason", o.reason},
                        {"code", o.code}, {"seconds", o.seconds},    {"text", o.text},
                        {"json", o.json}, {"reproduce", o.reproduce}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool from_line(const std::string& text, Outcome& o) {
  const auto j = nlohmann::json::parse(text, nullptr, false);
  if (!j.is_object()) return false;
  const auto string = [&](const char* key, std::string& into) {
    if (!j.contains(key) || !j[key].is_string()) return false;
    into = j[key].get<std::string>();
    return true;
  };
  const bool words = string("name", o.name) && string("variant", o.variant) &&
                     string("path", o.path) && string("verdict", o.verdict) &&
                     string("reason", o.reason) && string("text", o.text) &&
                     string("reproduce", o.reproduce);
  const bool numbers = words && j.contains("seed") && j["seed"].is_number_unsigned() &&
                       j.contains("code") && j["code"].is_number_integer() &&
                       j.contains("seconds") && j["seconds"].is_number() && j.contains("json");
  if (!numbers) return false;
  o.seed = j["seed"].get<uint64_t>();
  o.code = j["code"].get<int>();
  o.seconds = j["seconds"].get<double>();
  o.json = j["json"];
  return true;
}

}  // namespace mirrorlab::report
