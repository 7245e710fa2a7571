#!/usr/bin/env python3
"""Interrupts a run and proves that it ends with 130, says so in result.json and leaves nothing.

usage: interrupted_run.py MIRRORLAB SCENARIO OUT SIGNAL
"""
import json
import os
import signal
import subprocess
import sys

from killed_harness import GONE_WITHIN_S, alive, children_of, wait_until

mirrorlab, scenario, out, name = sys.argv[1:5]
os.makedirs(out, exist_ok=True)
result_file = os.path.join(out, "result.json")
if os.path.exists(result_file):
    os.remove(result_file)
run = subprocess.Popen([mirrorlab, "run", scenario, "--out", out], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
for line in run.stderr:
    if line.startswith("  traffic"):
        break
mine = {run.pid} | set(children_of(run.pid))
run.send_signal(getattr(signal, name))
text, _ = run.communicate(timeout=30)
left = wait_until(lambda: alive(mine), GONE_WITHIN_S)
with open(result_file) as f:
    result = json.load(f)
problems = []
if run.returncode != 130:
    problems.append(f"exit code {run.returncode}, not 130")
if result["verdict"] != "error" or result["reason"] != "interrupted":
    problems.append(f"result.json says {result['verdict']}: {result['reason']}")
if "interrupted" not in text:
    problems.append(f"the report does not say that it was interrupted: {text}")
if left:
    problems.append(f"processes left: {left}")
if problems:
    sys.exit("\n".join(problems) + "\nagain: " + " ".join(sys.argv))
print(f"{name}: 130, a partial report, nothing left")
