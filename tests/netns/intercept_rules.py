#!/usr/bin/env python3
"""mirror-intercept's rules in a network namespace of their own: what stays, what goes, what it leaves alone.

  intercept_rules.py MIRROR_INTERCEPT
"""
import os
import signal
import socket
import subprocess
import sys

PROGRAM = sys.argv[1]
CHAIN = "mirror-intercept-36"
BASE = [PROGRAM, "--service-port", "8080", "--listen", "127.0.0.1:36524"]


def enter_namespace():
    if os.environ.get("MIRRORLAB_IN_NAMESPACE"):
        return
    os.environ["MIRRORLAB_IN_NAMESPACE"] = "1"
    words = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run(words + ["true"], check=False, capture_output=True).returncode != 0:
        print("no network namespace here")
        sys.exit(77)
    os.execvp(words[0], words + [sys.executable] + sys.argv)


def rules():
    saved = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True)
    return [line for line in saved.stdout.splitlines() if line.startswith("-A")]


def own(lines):
    return [line for line in lines if CHAIN in line]


def start(*options):
    program = subprocess.Popen(BASE + list(options), stderr=subprocess.PIPE, text=True)
    said = ""
    for line in program.stderr:
        said += line
        if "ready" in line:
            return program
    raise SystemExit(f"mirror-intercept did not start: {said}")


def end(program, number=signal.SIGTERM):
    program.send_signal(number)
    _, said = program.communicate(timeout=20)
    return said


def expect(condition, what):
    if not condition:
        raise SystemExit(f"{what}\nrules: {rules()}\nagain: {' '.join(sys.argv)}")


def main():
    enter_namespace()
    subprocess.run("ip link set lo up", shell=True, check=True)
    foreign = "-A OUTPUT -p tcp -m tcp --dport 9 -j DROP"
    subprocess.run("iptables -t mangle " + foreign, shell=True, check=True)

    program = start("--pass", "10.9.0.0/16")
    first = rules()
    expect(len(own(first)) == 3, "a jump, one passed network and one queue rule were expected")
    expect(own(first)[0].startswith("-A OUTPUT") and first.index(foreign) > 0, "not first in OUTPUT")
    expect(not any("bypass" in rule for rule in first), "a rule bypasses the queue")
    said = end(program)
    expect("rules stay" not in said and rules() == [foreign], "nothing was claimed: rules must go")

    program = start()
    program.kill()
    program.communicate()
    expect(len(own(rules())) == 2, "killed: the rules must stay")

    program = start("--pass", "10.9.0.0/16,10.8.0.1")
    taken_over = rules()
    expect(len(own(taken_over)) == 4, "taken over with other options: exactly the new rules")
    expect(sum(rule.startswith("-A OUTPUT") for rule in taken_over) == 2, "the jump is there twice")
    second = subprocess.run(BASE, capture_output=True, text=True, timeout=20, check=False)
    expect(second.returncode == 3, "two programs on one queue")
    expect(rules() == taken_over, "the second one changed the rules of the first")

    with socket.create_connection(("127.0.0.1", 36524)) as peer:
        hello = peer.recv(73)
        peer.sendall(hello)  # without a key any nonce will do
        expect(len(peer.recv(73)) == 73, "no second hello")
        said = end(program, signal.SIGINT)
    expect("rules stay" in said and "--detach --service-port 8080" in said, f"said: {said}")
    expect(rules() == taken_over, "a copy engine was connected: the rules must stay")

    subprocess.run([PROGRAM, "--detach", "--service-port", "8080"], check=True, timeout=20)
    expect(rules() == [foreign], "--detach removes all of ours and nothing else")
    program = start("--keep-rules")
    end(program)
    expect(len(own(rules())) == 2, "--keep-rules")
    check = subprocess.run(BASE + ["--check"], capture_output=True, text=True, timeout=20, check=False)
    expect(check.returncode == 3 and "no route back" in check.stdout and "mend:" in check.stdout,
           f"--check in a namespace without routes said {check.stdout}")
    return 0


sys.exit(main())
