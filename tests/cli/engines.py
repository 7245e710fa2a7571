#!/usr/bin/env python3
"""The engines' command lines: exit codes, and that messages name the option and the mend.

  engines.py MIRROR_COPY MIRROR_INTERCEPT
"""
import os
import subprocess
import sys
import tempfile

COPY, INTERCEPT = sys.argv[1:3]
MAP = ["--map", "80-192.0.2.1:8080"]
SERVICE = ["--service-port", "8080"]
NO_CAPABILITIES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534",
                   "--regid=65534", "--clear-groups"]

# program, arguments, exit code, words the output must hold
CASES = [
    (COPY, ["--version"], 0, ["mirror-copy 0."]),
    (COPY, ["--help"], 0, ["--map", "--intercept", "--key-file", "e.g. mirror-copy"]),
    (COPY, [], 2, ["--map is missing", "e.g. mirror-copy --map"]),
    (COPY, MAP, 2, ["--intercept is missing", "e.g."]),
    (COPY, ["--map", "80:10.0.0.2", "-s", "127.0.0.1"], 2, ["--map", "80-10.0.0.2:8080"]),
    (COPY, ["--map", "80-127.0.0.1:80", "-s", "127.0.0.1"], 2, ["the online service itself"]),
    (COPY, MAP + ["-s", "somewhere"], 2, ["--intercept somewhere", "ADDR"]),
    (COPY, MAP + ["-s", "192.0.2.1"], 2, ["not loopback", "--key-file", "--no-auth"]),
    (COPY, MAP + ["-s", "127.0.0.1", "--pace", "slow"], 2, ["--pace", "slow"]),
    (COPY, MAP + ["-s", "127.0.0.1", "--mtu", "5"], 2, ["--mtu", "576"]),
    (COPY, MAP + ["-s", "127.0.0.1", "--no-such"], 2, ["--no-such"]),
    (COPY, MAP + ["-s", "127.0.0.1", "--key-file", "/nowhere"], 2, ["/nowhere", "ENOENT"]),
    (COPY, ["--map", "80-192.0.2.1:8080,80-192.0.2.2:8080", "-s", "127.0.0.1"], 2,
     ["port 80 is mapped to 192.0.2.1:8080 and to 192.0.2.2:8080", "a second mirror-copy"]),
    (COPY, MAP + ["-s", "127.0.0.1", "--turn-hold", "nan"], 2, ["nan"]),
    (COPY, MAP + ["-s", "127.0.0.1", "--speed", "2"], 2, ["--speed", "pcap-file"]),
    (COPY, MAP + ["-s", "127.0.0.1", "--session-memory", "1.5"], 2, ["--session-memory"]),
    (COPY, MAP + ["-s", "127.0.0.1", "--counters", "/nowhere/c"], 3, ["/nowhere/c", "ENOENT"]),
    (INTERCEPT, SERVICE + ["--counters", "/nowhere/c"], 3, ["/nowhere/c", "ENOENT"]),
    (INTERCEPT, SERVICE + ["--via", "mirred", "--device", "nodevice"], 3,
     ["no network device nodevice"]),
    (INTERCEPT, ["--version"], 0, ["mirror-intercept 0."]),
    (INTERCEPT, ["--help"], 0, ["--service-port", "--detach", "--check"]),
    (INTERCEPT, [], 2, ["--service-port is missing", "e.g. mirror-intercept"]),
    (INTERCEPT, ["--service-port", "http"], 2, ["--service-port", "http"]),
    (INTERCEPT, SERVICE + ["--listen", "0.0.0.0:36524"], 2, ["not loopback", "--no-auth"]),
    (INTERCEPT, SERVICE + ["--listen", "36524"], 2, ["--listen 36524", "ADDR:PORT"]),
    (INTERCEPT, SERVICE + ["--pass", "a.example"], 2, ["--pass a.example"]),
    (INTERCEPT, SERVICE + ["--check", "--detach"], 2, ["exclude each other"]),
    (INTERCEPT, SERVICE + ["--print-setup"], 0, ["iptables -w -t mangle", "NFQUEUE"]),
]


def check(command, code, words):
    run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    said = run.stdout + run.stderr
    wrong = []
    if run.returncode != code:
        wrong.append(f"exit code {run.returncode}, not {code}")
    wrong += [f"does not say {word!r}" for word in words if word not in said]
    if wrong:
        print("again: " + " ".join(command))
        print("  " + "; ".join(wrong) + "\n" + said)
    return not wrong


def main():
    good = all([check([program] + arguments, code, words)
                for program, arguments, code, words in CASES])
    with tempfile.TemporaryDirectory() as directory:
        key = os.path.join(directory, "key")
        with open(key, "w", encoding="utf-8") as file:
            file.write("short")
        good &= check([COPY] + MAP + ["-s", "127.0.0.1", "--key-file", key], 2,
                      ["16", "head -c 32 /dev/urandom"])
    # Missing privileges: which one, and what to do.
    plain = NO_CAPABILITIES if os.geteuid() == 0 else []
    good &= check(plain + [COPY] + MAP + ["-s", "127.0.0.1"], 3, ["EPERM", "CAP_NET_RAW"])
    good &= check(plain + [INTERCEPT] + SERVICE, 3, ["EPERM", "CAP_NET_ADMIN"])
    return 0 if good else 1


sys.exit(main())
