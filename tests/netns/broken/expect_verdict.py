#!/usr/bin/env python3
"""Runs broken.yaml with one engine replaced, and holds the verdict against what it must be.

  expect_verdict.py MIRRORLAB BROKEN_DIR OUT none
  expect_verdict.py MIRRORLAB BROKEN_DIR OUT keyed      sound engines that share a key
  expect_verdict.py MIRRORLAB BROKEN_DIR OUT copy|intercept FAULT CHECK[,CHECK...]
  expect_verdict.py MIRRORLAB BROKEN_DIR OUT file SCENARIO CHECK[,CHECK...]   sound engines, another scenario

With a fault: exit code 1, and each named check, or condition on the named metric, failed. Without: everything passed.
"""
import json
import os
import subprocess
import sys

COMMANDS = {
    "copy": "broken-copy --fault {fault} --no-auth --intercept {{intercept}} --turn-hold 0.3"
            " --map {{online_port}}-{{test}}:{{test_port}} --counters {{counters}}"
            " --session-log {{out}}/copy.sessions.jsonl",
    "intercept": "broken-intercept --fault {fault} --no-auth --listen {{address}}:{{port}}"
                 " --service-port {{test_port}} --counters {{counters}}",
}
LINES = {"copy": '  copy: {on: online, map: "80 -> test:8080"', "intercept": "  intercept: {on: test"}


SOUND = ("none", "keyed")


def with_key(text, out):
    path = os.path.join(out, "key")
    with open(path, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(os.urandom(32))
    for line in LINES.values():
        text = text.replace(line + "}", f"{line}, options: [--key-file, '{path}']}}")
    return text


def scenario_text(here, broken_dir, engine, fault, out):
    name = fault if engine == "file" else "broken.yaml"
    with open(os.path.join(here, name), encoding="utf-8") as file:
        text = file.read()
    if engine == "file":
        return text
    if engine in SOUND:
        return with_key(text, out) if engine == "keyed" else text
    program = COMMANDS[engine].format(fault=fault)
    ready = f"mirror-{engine}: ready"
    line = LINES[engine]
    assert line + "}" in text, "broken.yaml has changed"
    return text.replace(
        line + "}", f"{line}, command: '{broken_dir}/{program}', ready: {{log: '{ready}'}}}}")


def main():
    mirrorlab, broken_dir, out, engine = sys.argv[1:5]
    fault = sys.argv[5] if engine not in SOUND else engine
    must_fail = sys.argv[6].split(",") if engine not in SOUND else []
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, "scenario.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(scenario_text(os.path.dirname(os.path.abspath(__file__)), broken_dir, engine,
                                 fault, out))
    run = subprocess.run([mirrorlab, "run", path, "--out", out], capture_output=True, text=True,
                         timeout=90, check=False)
    if run.returncode == 77:
        print(run.stderr)
        return 77
    with open(os.path.join(out, "result.json"), encoding="utf-8") as file:
        result = json.load(file)
    failed = [c["name"] for c in result.get("checks", []) if not c["passed"]]
    failed += [e["text"].split()[0] for e in result.get("expectations", []) if not e["passed"]]
    wrong = []
    # A box that had no CPU for the run makes an uncertain failure inconclusive (docs/VERIFIER.md);
    # the checks that failed are held against the list all the same.
    starved = must_fail and run.returncode == 3 and result["reason"].startswith("no CPU was free")
    if run.returncode != (1 if must_fail else 0) and not starved:
        wrong.append(f"exit code {run.returncode}, verdict {result['verdict']}: {result['reason']}")
    wrong += [f"check {name} did not fail" for name in must_fail if name not in failed]
    if not must_fail and failed:
        wrong.append(f"sound engines, but checks failed: {failed}")
    print(f"fault {fault}: verdict {result['verdict']}, failed checks {failed}")
    if wrong:
        print("\n".join(wrong))
        print(run.stdout, run.stderr)
        print("again: " + " ".join(sys.argv))
        return 1
    return 0


sys.exit(main())
