#!/usr/bin/env python3
"""What mirror-intercept says of a host, as a stranger reads it: each finding of --check is provoked, and gone when its
mend is applied; the commands of --print-setup, run by hand, leave what the program sets up itself.

  intercept_setup.py MIRROR_INTERCEPT nfqueue v4
"""
import os
import re
import signal
import subprocess
import sys

import intercept_methods as lab

PROGRAM = os.path.abspath(sys.argv[1])
BASE = [PROGRAM, "--service-port", "8080", "--listen", "127.0.0.1:36524"]


def sh(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True, text=True, timeout=20).stdout


def expect(condition, what):
    if not condition:
        raise SystemExit(f"{what}\nagain: {' '.join(sys.argv)}")


def findings(*options):
    """(exit code, {what is bad: its mend})"""
    base = BASE[:3] if "--listen" in options else BASE
    run = subprocess.run(base + ["--check", *options], check=False, capture_output=True, text=True, timeout=20)
    bad = re.findall(r"^BAD +(.*)\n +mend: (.*)$", run.stdout, re.M)
    expect((run.returncode == 0) == (not bad), f"--check ended with {run.returncode} and said\n{run.stdout}{run.stderr}")
    return dict(bad)


# what is done, words of the finding, how it is mended (None: by the command that --check names)
PROVOKED = [
    ("sysctl -qw net.ipv4.conf.d0.rp_filter=1", "rp_filter is strict on d0", None),
    ("iptables -A INPUT -m conntrack --ctstate INVALID -j DROP", "INVALID",
     "iptables -D INPUT -m conntrack --ctstate INVALID -j DROP"),
    ("iptables -A OUTPUT -p tcp --sport 8080 -j DROP", "was never sent", "iptables -D OUTPUT -p tcp --sport 8080 -j DROP"),
    ("ip6tables -A OUTPUT -p tcp --sport 8080 -j DROP", "was never sent", "ip6tables -D OUTPUT -p tcp --sport 8080 -j DROP"),
    ("ip route del default", "no route back to", "ip route add default via 10.5.0.2"),
]


def check_findings():
    expect(not findings(), f"a host without faults: {findings()}")
    for do, words, mend in PROVOKED:
        sh(do)
        found = findings()
        expect(len(found) == 1 and words in next(iter(found)), f"after `{do}`: {found}")
        sh(mend or next(iter(found.values())))
        expect(not findings(), f"mended after `{do}`: {findings()}")
    found = findings("--listen", "10.77.0.1:36524", "--no-auth")
    expect(len(found) == 1 and "10.77.0.1" in next(iter(found)), f"an address that is not here: {found}")

    assistant = ["--via", "route", "--device", "d0"]
    expect(not findings(*assistant), f"an assistant without faults: {findings(*assistant)}")
    sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    found = findings(*assistant)
    expect(found and all("is on" in what for what in found), f"an assistant that forwards: {found}")
    for mend in found.values():
        sh(mend)
    expect(not findings(*assistant), f"mended: {findings(*assistant)}")
    expect("name the one" in str(findings("--via", "route")), "an assistant with several devices")
    for via in ("route", "mirred"):
        missing = ["--via", via, "--device", "nosuch"]
        expect("no network device nosuch" in str(findings(*missing)), f"{via}: a device that is not here")
        run = subprocess.run(BASE + missing, check=False, capture_output=True, text=True, timeout=20)
        expect(run.returncode == 3 and "no network device nosuch" in run.stderr, f"{via} started on it: {run.stderr}")
    for via in ("nfqueue", "ebpf", "mirred", "route"):
        before = state()
        run = subprocess.run(BASE + ["--via", via, "--detach"], check=False, capture_output=True, timeout=20)
        expect(run.returncode == 0 and state() == before, f"{via}: --detach where nothing is attached")


def state():
    """Rules, filters and devices, without what differs from one time to the next."""
    text = sh("iptables-save -t mangle; ip6tables-save -t mangle; tc filter show dev d0 egress; ip -o link", check=False)
    lines = [line for line in text.splitlines() if not line.startswith(("#", ":"))]
    return [re.sub(r"^\d+: |@\S+|ether \S+|qlen \d+|state \w+|group \w+|index \d+|<[^>]*>| +", " ", line) for line in lines]


def check_printed_setup(via, *more):
    words = ["--via", via, *more]
    detach = lambda: subprocess.run(BASE + words + ["--detach"], check=True, capture_output=True, timeout=20)
    before = state()
    printed = subprocess.run(BASE + words + ["--print-setup"], check=True, capture_output=True, text=True).stdout
    sh("set -e\n" + printed)
    by_hand = state()
    expect(by_hand != before, f"{via}: the printed commands changed nothing:\n{printed}")
    detach()
    expect(state() == before, f"{via}: --detach left {set(state()) - set(before)} of the printed set-up")
    program = subprocess.Popen(BASE + words, stderr=subprocess.PIPE, text=True)
    for line in program.stderr:
        if "ready" in line:
            break
    own = state()
    program.kill()
    program.communicate()
    # The jump into the chain and what comes with it stand in the same place.
    expect(sorted(own) == sorted(by_hand), f"{via}: by hand {sorted(set(by_hand) - set(own))}\nthe program's own "
           f"{sorted(set(own) - set(by_hand))}\n{printed}")
    # What was set up by hand is taken over.
    detach()
    sh("set -e\n" + printed)
    program = subprocess.Popen(BASE + words, stderr=subprocess.PIPE, text=True)
    said = ""
    for line in program.stderr:
        said += line
        if "ready" in line:
            break
    expect("ready" in said, f"{via}: a start upon what was set up by hand: {said}")
    expect(sorted(state()) == sorted(own), f"{via}: taken over, not doubled")
    program.send_signal(signal.SIGKILL)
    program.communicate()
    detach()


def check_detach_of_another_device():
    """Filters of this number are removed wherever they are: none may redirect to a sink that is gone."""
    before = state()
    program = subprocess.Popen(BASE + ["--via", "mirred", "--device", "d0"], stderr=subprocess.PIPE, text=True)
    for line in program.stderr:
        if "ready" in line:
            break
    program.kill()
    program.communicate()
    expect(state() != before, "mirred set up nothing")
    subprocess.run(BASE + ["--via", "mirred", "--device", "d1", "--detach"], check=True, capture_output=True, timeout=20)
    expect(state() == before, f"--detach for d1 left {set(state()) - set(before)}")


def main():
    lab.enter_namespace()
    sh("ip link set lo up; ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up; "
       "ip addr add 10.5.0.1/24 dev d0; ip route add default via 10.5.0.2")
    sh("for f in all default d0 d1; do sysctl -qw net.ipv4.conf.$f.rp_filter=0; done; sysctl -qw net.ipv4.ip_forward=0")
    check_findings()
    check_printed_setup("nfqueue", "--pass", "10.9.0.0/16")
    check_printed_setup("nfqueue", "--queues", "3")
    check_printed_setup("mirred", "--device", "d0")
    check_detach_of_another_device()
    return 0


if __name__ == "__main__":
    sys.exit(main())
