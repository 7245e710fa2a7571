#!/usr/bin/env python3
"""What a run that does not get on says: every process's state, and the last packets of each tap.

usage: timeouts.py MIRRORLAB SAMPLE_PROJECT OUT
"""
import json
import os
import re
import subprocess
import sys

MIRRORLAB, SAMPLE, OUT = sys.argv[1:4]
with open(SAMPLE + "/scenarios/greets.yaml") as f:
    TEXT = f.read().replace("matrix: {ip: [v4, v6]}\n", "")
STATE = r", [^\n]*\d+ threads?, CPU \d+\.\d\d s user \d+\.\d\d s system, \d+\.\d\d MiB, \d+ descriptors \("
PROCESS = {name: re.compile(name + r": pid \d+" + STATE) for name in ("online.web", "test.web", "copy", "intercept")}
problems = []


def stuck(name, changes, where, patterns, verdict, reason, code):
    text = TEXT.replace("name: greets", "name: " + name)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    out = f"{OUT}/{name}"
    os.makedirs(out, exist_ok=True)
    with open(out + ".yaml", "w") as f:
        f.write(text)
    command = [MIRRORLAB, "run", out + ".yaml", "--out", out]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    with open(out + "/state.txt") as f:
        said = f.read() if where == "state.txt" else done.stderr
    wrong = [f"{where} does not hold /{p}/" for p in patterns if not re.search(p, said)]
    with open(out + "/result.json") as f:
        result = json.load(f)
    # A box that had no CPU for the run makes an uncertain failure inconclusive (docs/VERIFIER.md).
    if verdict == "failed" and re.match("no CPU was free", result["reason"]):
        verdict, code = "inconclusive", 3
    if done.returncode != code:
        wrong.append(f"it ended with {done.returncode}, not {code}")
    if result["verdict"] != verdict or not re.search(reason, result["reason"]):
        wrong.append(f"result.json says {result['verdict']}: {result['reason']}")
    if wrong:
        problems.append("\n".join(wrong) + "\n  again: " + " ".join(command) + "\n" + said)


service = "{id: web, service: recorder, port: 80}"
stuck("traffic-hangs", [("timeout: 20s", "timeout: 500ms"), (service, service[:-1] + ", delay: 50s}")],
      "stderr", [p.pattern for p in PROCESS.values()] +
      [r"traffic-http: pid \d+, sleeping in \w+", r"clients: \d+ packets, the last ones",
       r"online host, toward the clients: \d+ packets, the last ones", r"test host: \d+ packets, the last ones",
       r"\+0\.\d+ 10\.1\.0\.\d+:\d+ > 10\.200\.0\.\d+:80 \[P?\.?\] seq \d+ ack \d+ win \d+ length \d+"],
      "error", "did not end within the timeout of 500ms", 3)
stuck("service-not-ready",
      [(service, "{id: web, service: command, command: sleep 60, port: 80, ready: {listen: 80, within: 200ms}}")],
      "stderr", [r"online\.web: pid \d+, sleeping in \w+"], "error",
      r"not ready within 200ms: online\.web: pid \d+, sleeping", 3)
stuck("drain-hangs", [("timeout: 20s", "timeout: 20s\ndrain: 300ms"), ("requests: 2}", "requests: 20, think: 50ms}"),
                      ("expect:", "timeline:\n  - {at: 200ms, stop: copy}\nexpect:")],
      "state.txt", [r"when the drain time was over:\n(.*\n)*copy: pid \d+, stopped", "at the end:"],
      # Ended at last, the engine mirrors what it still can: on a quiet box all of it.
      "failed", "nothing_left|sessions.exact", 1)
if problems:
    sys.exit("\n".join(problems))
print("time-outs show states and packets")
