#!/usr/bin/env python3
"""Two laboratories side by side, on equal addresses: neither disturbs the other, and the machine they run on sees
none of their packets and keeps its devices, routes and rules.

  host_untouched.py MIRRORLAB SCENARIO OUT
"""
import ipaddress
import os
import re
import select
import shutil
import socket
import subprocess
import sys

# What laboratories give their hosts: docs/ARCHITECTURE.md; `mirrorlab explain` prints it.
LAB_NETWORKS = [ipaddress.ip_network(n) for n in ("10.1.0.0/16", "10.200.0.0/16", "10.201.0.0/16")]
ETH_P_ALL = 3


def host_state():
    """Devices, addresses, routes and rules of this machine."""
    state = {"devices": sorted(os.listdir("/sys/class/net"))}
    for command in (["ip", "addr", "show"], ["ip", "route", "show", "table", "all"], ["ip", "rule", "show"],
                    ["iptables-save"], ["ip6tables-save"]):
        if not shutil.which(command[0]):
            continue
        text = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout
        # Lifetimes, counters and dates run on by themselves.
        state[" ".join(command)] = re.sub(r"^#.*$|\[\d+:\d+\]|(valid|preferred)_lft \S+", "", text, flags=re.M)
    return state


def of_a_lab(packet):
    """Whether an IPv4 packet carries an address of a laboratory."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return False
    ends = [ipaddress.ip_address(packet[i:i + 4]) for i in (12, 16)]
    return any(end in network for end in ends for network in LAB_NETWORKS)


def main():
    mirrorlab, scenario, out = sys.argv[1:4]
    # The check can fail: a packet of a laboratory is known as one, another is not.
    sample = bytes([0x45] + [0] * 11) + bytes([10, 1, 0, 1]) + bytes([127, 0, 0, 1])
    assert of_a_lab(sample) and not of_a_lab(sample[:12] + bytes([127, 0, 0, 1]) * 2)
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    except PermissionError as error:
        print(f"cannot watch this machine's own packets: {error}; run as root")
        return 77
    before = host_state()
    runs = [subprocess.Popen([mirrorlab, "run", scenario, "--out", f"{out}/{i}"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True) for i in (1, 2)]
    seen = []
    while any(run.poll() is None for run in runs):
        if not select.select([tap], [], [], 0.05)[0]:
            continue
        packet, where = tap.recvfrom(2048)
        if of_a_lab(packet):
            seen.append(where[0])
    problems = []
    for run in runs:
        words = run.stdout.read()
        if run.returncode == 77:
            print(words)
            return 77
        if run.returncode != 0:
            problems.append(f"one of two runs ended with {run.returncode}:\n{words}")
    if seen:
        problems.append(f"{len(seen)} packets of a laboratory on this machine's {sorted(set(seen))}")
    after = host_state()
    problems += [f"`{what}` has changed:\n{before[what]}\nbecame\n{after[what]}" for what in before
                 if before[what] != after[what]]
    if problems:
        sys.exit("\n".join(problems) + "\nagain: " + " ".join(sys.argv))
    print("two runs passed, no packet of theirs here, nothing changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
