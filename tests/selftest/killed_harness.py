#!/usr/bin/env python3
"""Kills a running mirrorlab with SIGKILL at random moments and proves that nothing is left.

usage: killed_harness.py MIRRORLAB SCENARIO OUT [--kills N] [--seed S]

After each kill every process, network namespace, interface and netfilter rule that was not there
before must be gone. Moments are drawn from the length of one undisturbed run, so that each phase
(set-up, traffic, drain, verify, teardown) is hit. Prints what was left and how to repeat it.
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import time

GONE_WITHIN_S = 10.0  # the kernel takes namespaces down in the background


def processes():
    """pid -> command line of every process, zombies left out."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                line = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
            with open(f"/proc/{entry}/stat") as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if line and state != "Z":
            found[int(entry)] = line
    return found


def namespaces():
    """Identities of the network namespaces that any process is in or holds open."""
    found = set()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        for link in (f"/proc/{entry}/ns/net", f"/proc/{entry}/ns/pid"):
            try:
                found.add(os.readlink(link))
            except OSError:
                pass
    return found


def ours(before, marker):
    """Processes that came since `before` and belong to the run in the directory `marker`."""
    return {p: c for p, c in processes().items() if p not in before and marker in c}


def rules():
    text = ""
    for program in ("iptables-save", "ip6tables-save"):
        run = subprocess.run([program], capture_output=True, text=True, check=False)
        text += "\n".join(l for l in run.stdout.splitlines() if l.startswith("-A"))
    return text


def interfaces():
    return set(os.listdir("/sys/class/net"))


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while True:
        left = condition()
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.01)  # between two looks at the same state


def start(options):
    return subprocess.Popen(
        [options.mirrorlab, "run", options.scenario, "--out", options.out],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mirrorlab")
    parser.add_argument("scenario")
    parser.add_argument("out")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    options.out = os.path.abspath(options.out)
    draw = random.Random(options.seed)

    began = time.monotonic()
    whole = start(options)
    if whole.wait() != 0:
        sys.exit(f"the undisturbed run of {options.scenario} ended with {whole.returncode}")
    length = time.monotonic() - began

    before, links, chains = set(processes()), interfaces(), rules()
    again = (f"{sys.argv[0]} {options.mirrorlab} {options.scenario} {options.out}"
             f" --kills {options.kills} --seed {options.seed}")
    for number in range(options.kills):
        moment = draw.uniform(0, length)
        run = start(options)
        try:
            run.wait(timeout=moment)
            continue  # it was faster this time
        except subprocess.TimeoutExpired:
            pass
        mine = {run.pid} | set(children_of(run.pid))
        spaces = {n for p in mine for n in namespaces_of(p)} - namespaces_of(os.getpid())
        run.send_signal(signal.SIGKILL)
        run.wait()
        left = wait_until(lambda: alive(mine) or ours(before, options.out), GONE_WITHIN_S)
        held = wait_until(lambda: spaces & namespaces(), GONE_WITHIN_S)
        problems = []
        if left:
            problems.append(f"processes: {left}")
        if held:
            problems.append(f"namespaces: {held}")
        if interfaces() != links:
            problems.append(f"interfaces: {interfaces() ^ links}")
        if rules() != chains:
            problems.append(f"netfilter rules:\n{rules()}")
        if problems:
            print(f"kill {number} after {moment:.3f} s left behind:\n  " + "\n  ".join(problems))
            sys.exit(f"again: {again}")
    print(f"{options.kills} kills in runs of {length:.2f} s: nothing left (seed {options.seed})")


def children_of(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for child in map(int, f.read().split()):
                    found += [child] + children_of(child)
    except OSError:
        pass
    return found


def alive(pids):
    now = processes()
    return {p: now[p] for p in pids if p in now}


def namespaces_of(pid):
    found = set()
    for kind in ("net", "pid"):
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
        except OSError:
            pass
    return found


if __name__ == "__main__":
    main()
