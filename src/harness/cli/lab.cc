#include "harness/cli/lab.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "harness/cli/traffic_command.h"
#include "harness/net/netlink.h"
#include "os/clock.h"

namespace mirrorlab::cli {

namespace {
using scenario::Role;
using scenario::ServiceKind;

constexpr const char* kOnlineAddress = "10.1.255.1";
constexpr const char* kTestAddress = "10.2.0.2";
constexpr const char* kFirstClient = "10.1.0.1";
constexpr int kReadyMs = 10'000;

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

std::string replace(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

bool on_path(const std::string& program) {
  const char* path = ::getenv("PATH");
  std::istringstream in(std::string(path != nullptr ? path : "/usr/sbin:/usr/bin") +
                        ":/usr/sbin:/sbin");
  for (std::string directory; std::getline(in, directory, ':');) {
    if (::access((directory + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}
}  // namespace

std::string missing_for(const scenario::Scenario& s) {
  for (const auto& n : s.nodes) {
    for (const auto& service : n.run) {
      if (service.kind == ServiceKind::nginx && !on_path("nginx"))
        return "nginx is not installed (package nginx-light)";
    }
  }
  for (const auto& t : s.traffic) {
    if (t.kind != scenario::TrafficKind::command) continue;
    const auto program = words(t.command).front();
    if (!on_path(program)) return program + " is not installed";
  }
  return {};
}

Lab::Lab(const scenario::Scenario& scenario, std::string out, std::string programs,
         const std::atomic<bool>& interrupted)
    : scenario_(scenario),
      out_(std::move(out)),
      programs_(std::move(programs)),
      interrupted_(interrupted) {
  std::filesystem::create_directories(out_ + "/logs");
}

const scenario::Node& Lab::node(Role role) const {
  const auto* found = scenario_.node_of(role);
  if (found == nullptr)
    throw std::runtime_error(std::string("the scenario has no node of role ") + to_string(role));
  return *found;
}

const net::Namespace& Lab::space(const std::string& name) const { return spaces_.at(name); }

void Lab::build() {
  for (const auto& n : scenario_.nodes) spaces_.emplace(n.name, net::Namespace::create());
  const auto& clients = space(node(Role::clients).name);
  const auto& online = space(node(Role::online).name);
  const auto& test = space(node(Role::test).name);
  for (const auto& [name, ns] : spaces_) {
    ns.run([] {
      net::Netlink().set_up("lo");
      net::write_sysctl("net.ipv4.tcp_congestion_control", "reno");
      net::write_sysctl("net.ipv4.conf.all.rp_filter", "0");
      net::write_sysctl("net.ipv4.conf.default.rp_filter", "0");
      net::write_sysctl("net.ipv4.ip_forward", "1");
    });
  }
  clients.run([&] {
    net::Netlink link;
    link.add_veth("online", "clients", online.fd());
    net::switch_offloads_off("online");
    link.add_address("online", "10.1.254.1/16");
    link.set_up("online");
    link.add_local_prefix("10.1.0.0/17");
    link.add_route("default", kOnlineAddress);
  });
  online.run([&] {
    net::Netlink link;
    net::switch_offloads_off("clients");
    link.add_address("clients", std::string(kOnlineAddress) + "/16");
    link.set_up("clients");
    link.add_veth("test", "online", test.fd());
    net::switch_offloads_off("test");
    link.add_address("test", "10.2.0.1/24");
    link.set_up("test");
  });
  test.run([&] {
    net::Netlink link;
    net::switch_offloads_off("online");
    link.add_address("online", std::string(kTestAddress) + "/24");
    link.set_up("online");
    link.add_route("default", "10.2.0.1");
  });
}

std::unique_ptr<process::Child> Lab::start(const std::string& name, const std::string& node,
                                           std::vector<std::string> command) {
  return std::make_unique<process::Child>(process::Child::Start{
      name, std::move(command), space(node).fd(), out_ + "/logs/" + name + ".log"});
}

void Lab::expect_ready(process::Child& child, const std::string& line) {
  if (child.wait_for_line(line, kReadyMs)) return;
  child.wait(0);
  throw std::runtime_error("not ready in " + std::to_string(kReadyMs / 1000) +
                           " s: " + child.describe());
}

void Lab::wait_listening(process::Child& child, const std::string& node, uint16_t port) {
  const auto deadline = os::steady_now() + int64_t{kReadyMs} * os::kNanosPerMilli;
  bool listening = false;
  space(node).run([&] {
    while (!listening && os::steady_now() < deadline && child.wait(5) < 0) {
      const os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      listening = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
  });
  if (!listening)
    throw std::runtime_error("nobody listens on port " + std::to_string(port) + ": " +
                             child.describe());
}

void Lab::start_nginx(const std::string& node, const scenario::Service& service) {
  const std::string dir = std::filesystem::absolute(out_ + "/nginx-" + node).string();
  std::filesystem::create_directories(dir + "/www");
  std::ofstream(dir + "/www/index.html") << std::string(512, 'x');
  std::ofstream(dir + "/nginx.conf") << fmt::format(
      "daemon off; master_process off; user root root; worker_processes 1; pid {0}/nginx.pid;\n"
      "error_log {0}/error.log;\nevents {{ worker_connections 4096; }}\n"
      "http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {0}/body;\n"
      "proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi;\n"
      "scgi_temp_path {0}/scgi; server {{ listen {1}; root {0}/www; }} }}\n",
      dir, service.port);
  services_.push_back(start(node + "." + service.id, node,
                            {::access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx",
                             "-e", dir + "/error.log", "-c", dir + "/nginx.conf", "-p", dir}));
  wait_listening(*services_.back(), node, service.port);
}

void Lab::start_services() {
  for (const auto& n : scenario_.nodes) {
    for (const auto& service : n.run) {
      if (service.kind == ServiceKind::nginx) {
        start_nginx(n.name, service);
      } else if (service.kind == ServiceKind::recorder) {
        services_.push_back(
            start(n.name + "." + service.id, n.name,
                  {programs_ + "/mirrorlab", "serve",
                   serve_options(service, out_ + "/" + n.name + "." + service.id + ".rec.jsonl")
                       .dump()}));
        expect_ready(*services_.back(), "ready");
      } else if (service.kind == ServiceKind::command) {
        services_.push_back(start(n.name + "." + service.id, n.name, words(service.command)));
        wait_listening(*services_.back(), n.name, service.port);
      } else {
        throw std::runtime_error(std::string("service ") + to_string(service.kind) +
                                 " is not built in yet; use a command");
      }
    }
  }
}

void Lab::start_engines() {
  for (const auto& e : scenario_.engines) {
    if (e.kind != scenario::EngineKind::intercept) continue;
    std::vector<std::string> command{programs_ + "/mirror-intercept",
                                     "--no-auth",
                                     "--listen",
                                     fmt::format("{}:{}", kTestAddress, e.port),
                                     "--counters",
                                     out_ + "/intercept.json"};
    for (const auto& copy : scenario_.engines) {
      for (const auto& m : copy.map) {
        command.insert(command.end(), {"--service-port", std::to_string(m.test_port)});
      }
    }
    command.insert(command.end(), e.options.begin(), e.options.end());
    intercept_ = start("intercept", e.on, command);
    expect_ready(*intercept_, "mirror-intercept: ready");
  }
  for (const auto& e : scenario_.engines) {
    if (e.kind != scenario::EngineKind::copy) continue;
    std::vector<std::string> command{programs_ + "/mirror-copy",
                                     "--no-auth",
                                     "--intercept",
                                     kTestAddress,
                                     "--counters",
                                     out_ + "/copy.json",
                                     "--session-log",
                                     out_ + "/sessions.jsonl"};
    for (const auto& m : e.map) {
      command.insert(command.end(),
                     {"--map", fmt::format("{}-{}:{}", m.online_port, kTestAddress, m.test_port)});
    }
    command.insert(command.end(), e.options.begin(), e.options.end());
    copy_ = start("copy", e.on, command);
    expect_ready(*copy_, "mirror-copy: ready");
  }
}

void Lab::start_taps() {
  space(node(Role::clients).name).run([&] {
    tap_clients_ = std::make_unique<verify::Tap>("online");
  });
  space(node(Role::online).name).run([&] {
    tap_online_ = std::make_unique<verify::Tap>("clients");
  });
  space(node(Role::test).name).run([&] { tap_test_ = std::make_unique<verify::Tap>("online"); });
}

std::vector<std::string> Lab::traffic_command(const scenario::Traffic& t) const {
  if (t.kind == scenario::TrafficKind::command) {
    return words(replace(replace(t.command, "{address}", kOnlineAddress), "{port}",
                         std::to_string(t.to_port)));
  }
  const auto& server = scenario_.node(t.to_node)->run;
  const bool recorder = std::ranges::any_of(server, [&](const scenario::Service& service) {
    return service.port == t.to_port && service.kind == ServiceKind::recorder;
  });
  const auto o = load_options(t, {fmt::format("{}:{}", kOnlineAddress, t.to_port), kFirstClient,
                                  node(Role::clients).count, recorder, scenario_.seed});
  return {programs_ + "/mirrorlab", "load", o.dump()};
}

nlohmann::json Lab::drive_traffic() {
  nlohmann::json figures = nlohmann::json::object();
  std::vector<std::unique_ptr<process::Child>> running;
  for (const auto& t : scenario_.traffic)
    running.push_back(start("traffic-" + t.id, t.from, traffic_command(t)));
  const auto deadline = os::steady_now() + scenario_.timeout.count();
  for (size_t i = 0; i < running.size(); ++i) {
    int code = -1;
    while ((code = running[i]->wait(50)) < 0) {
      if (interrupted_) throw std::runtime_error("interrupted");
      if (os::steady_now() > deadline) {
        throw std::runtime_error("the traffic did not end within the scenario's timeout: " +
                                 running[i]->describe());
      }
    }
    if (code != 0)
      throw std::runtime_error("traffic " + scenario_.traffic[i].id +
                               " failed: " + running[i]->describe());
    if (scenario_.traffic[i].kind != scenario::TrafficKind::command) {
      const auto log = out_ + "/logs/traffic-" + scenario_.traffic[i].id + ".log";
      running[i].reset();  // its output is whole now
      figures = read_json(log);
    }
  }
  return figures;
}

nlohmann::json Lab::read_json(const std::string& path) {
  std::ifstream in(path);
  return nlohmann::json::parse(in, nullptr, false);
}

bool Lab::drain() {
  if (!copy_) return true;
  const auto deadline = os::steady_now() + scenario_.drain.count();
  while (os::steady_now() < deadline && !interrupted_) {
    std::filesystem::remove(out_ + "/copy.json");
    copy_->signal(SIGUSR1);
    // The engine answers by writing the file; its end would be an answer too.
    while (!std::filesystem::exists(out_ + "/copy.json")) {
      if (copy_->wait(5) >= 0 || os::steady_now() > deadline) return false;
    }
    const auto figures = read_json(out_ + "/copy.json");
    if (figures.is_object() && figures.value("drained", false)) return true;
    if (copy_->wait(20) >= 0) return false;
  }
  return false;
}

verify::Evidence Lab::collect() {
  for (auto* engine : {&copy_, &intercept_}) {
    if (!*engine) continue;
    if (const int code = (*engine)->stop(5000); code != 0) {
      throw std::runtime_error("an engine ended with " + std::to_string(code) + ": " +
                               (*engine)->describe());
    }
  }
  verify::Evidence e;
  e.clients = tap_clients_->stop();
  e.online = tap_online_->stop();
  e.test = tap_test_->stop();
  e.tap_drops = tap_clients_->drops() + tap_online_->drops() + tap_test_->drops();
  verify::write_pcap(out_ + "/online.pcap", e.online);
  verify::write_pcap(out_ + "/test.pcap", e.test);
  for (const auto& engine : scenario_.engines) {
    if (engine.map.empty()) continue;
    e.online_service =
        *wire::Endpoint::parse(fmt::format("{}:{}", kOnlineAddress, engine.map[0].online_port));
    e.test_service =
        *wire::Endpoint::parse(fmt::format("{}:{}", kTestAddress, engine.map[0].test_port));
  }
  e.copy = read_json(out_ + "/copy.json");
  std::ifstream log(out_ + "/sessions.jsonl");
  for (std::string line; std::getline(log, line);)
    e.session_log.push_back(nlohmann::json::parse(line, nullptr, false));
  return e;
}

std::string Lab::describe_processes() {
  std::string text;
  for (auto* one : {&copy_, &intercept_}) {
    if (*one) text += (*one)->describe() + "\n";
  }
  for (auto& service : services_) text += service->describe() + "\n";
  return text;
}

}  // namespace mirrorlab::cli
