#include "harness/cli/services.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "harness/cli/traffic_command.h"

namespace mirrorlab::cli {

namespace {
using scenario::ServiceKind;
using Words = std::vector<std::string>;

Words nginx(const std::string& directory, const scenario::Service& service) {
  std::filesystem::create_directories(directory + "/www");
  std::ofstream(directory + "/www/index.html") << std::string(512, 'x');
  const std::string file = directory + "/nginx.conf";
  std::ofstream out(file);
  // Why such time-outs: a mirrored connection may be slower than its twin, and the shorter patience
  // of a default would close it (a discarded body's is 5 s of silence).
  out << fmt::format(
      "daemon off; master_process off; user root root; worker_processes 1;\n"
      "pid \"{0}/nginx.pid\"; error_log \"{0}/error.log\"; events {{ worker_connections 8192; }}\n"
      "http {{ access_log off; keepalive_requests 1000000; keepalive_timeout 10m;\n"
      "lingering_time 10m; lingering_timeout 10m; client_body_timeout 10m;\n"
      "client_header_timeout 10m; send_timeout 10m; client_body_temp_path \"{0}/body\";\n"
      "proxy_temp_path \"{0}/proxy\"; fastcgi_temp_path \"{0}/fastcgi\";\n"
      "uwsgi_temp_path \"{0}/uwsgi\"; scgi_temp_path \"{0}/scgi\";\n"
      "server {{ listen [::]:{1} ipv6only=off backlog=4096; root \"{0}/www\";\n"
      "client_max_body_size 0; error_page 405 =200 $uri; }} }}\n",
      directory, service.port);
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file);
  return {"nginx", "-e", directory + "/error.log", "-c", file, "-p", directory};
}

Words redis(const std::string& directory, const scenario::Service& service) {
  std::filesystem::create_directories(directory);
  return {"redis-server",
          "--port",
          std::to_string(service.port),
          "--bind",
          "*",
          "-::*",
          "--protected-mode",
          "no",
          "--save",
          "",
          "--appendonly",
          "no",
          "--dir",
          directory};
}
}  // namespace

std::string recording_file(const LabContext& lab, const std::string& program, int run) {
  return lab.out + "/" + program + (run == 1 ? "" : "." + std::to_string(run)) + ".rec.jsonl";
}

Program::Spec service_program(const LabContext& lab, const scenario::Node& node,
                              const scenario::Service& service) {
  Program::Spec spec;
  spec.name = node.name + "." + service.id;
  spec.node = node.name;
  spec.ready = service.ready;
  spec.stop_signal = service.stop_signal;
  auto values = placeholder_values(lab, node.name);
  values["port"] = std::to_string(service.port);
  if (service.ready.command) spec.ready_command = command_line(*service.ready.command, {}, values);
  const std::string directory = lab.out + "/" + spec.name;
  Words words;
  switch (service.kind) {
    case ServiceKind::recorder:
      spec.ready.log = "ready";
      spec.command = [&lab, &service, name = spec.name](int run) {
        return Words{
            lab.programs + "/mirrorlab", "serve",
            serve_options(service, recording_file(lab, name, run), lab.scenario.path).dump()};
      };
      return spec;
    case ServiceKind::nginx:
      words = nginx(directory, service);
      break;
    case ServiceKind::redis:
      words = redis(directory, service);
      break;
    case ServiceKind::memcached:
      words = {"memcached", "-u", "root", "-l", "0.0.0.0,::", "-p", std::to_string(service.port)};
      break;
    case ServiceKind::command:
      words = command_line(service.command, {}, values);
      break;
  }
  const Words options = command_line("", service.options, values);
  words.insert(words.end(), options.begin(), options.end());
  spec.command = [words](int) { return words; };
  return spec;
}

}  // namespace mirrorlab::cli
