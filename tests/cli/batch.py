#!/usr/bin/env python3
"""`mirrorlab run` over several scenarios: order, exit code, JUnit, TAP, selection, interruption.

usage: batch.py MIRRORLAB SAMPLE_PROJECT OUT
"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree

MIRRORLAB, SAMPLE, OUT = sys.argv[1:4]
GOOD, BAD = SAMPLE + "/scenarios", SAMPLE + "/failing"
TITLES = ["greets [ip=v4]", "greets [ip=v6]", "needs-a-program", "asks-too-much"]
problems = []


def run(*arguments, **more):
    command = [MIRRORLAB, "run", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, **more)
    done.words = " ".join(command)
    return done


def check(done, holds, what):
    if not holds:
        problems.append(f"{what}\n  again: {done.words}\n  it ended with {done.returncode} and wrote:\n"
                        f"{done.stdout}{done.stderr}")


def taken_apart(text):
    """The lines of a TAP 13 stream as (ok, number, title, directive); None when it is none."""
    lines = text.splitlines()
    if len(lines) < 2 or lines[0] != "TAP version 13" or not re.fullmatch(r"1\.\.\d+", lines[1]):
        return None
    found, block = [], None
    for line in lines[2:]:
        if line == "  ---" and block is None and found:
            block = []
        elif line == "  ..." and block is not None:
            block = None
        elif block is not None:
            block.append(line)
        elif point := re.fullmatch(r"(not ok|ok) (\d+) - ([^#]*?)(?: # (SKIP .*))?", line):
            found.append((point[1] == "ok", int(point[2]), point[3], point[4]))
        else:
            return None
    whole = block is None and [p[1] for p in found] == list(range(1, int(lines[1][3:]) + 1))
    return found if whole else None


def side_by_side():
    junit = OUT + "/junit.xml"
    done = run("-j", "3", GOOD, BAD, "--out", OUT + "/all", "--junit", junit)
    check(done, done.returncode == 1, "a failed one among others did not give exit code 1")
    found = [done.stdout.find(t) for t in ("passed   greets [ip=v4]", "passed   greets [ip=v6]",
                                           "skipped  needs-a-program", "asks-too-much: FAILED",
                                           "4 runs: 2 passed, 1 failed, 0 without a verdict, 1 skipped")]
    check(done, -1 not in found and found == sorted(found), "the results are not there in their order")
    check(done, len(re.findall(r"^\[\d/4\] ", done.stderr, re.M)) == 4, "no line for each end on stderr")
    for place, verdict in (("greets/ip=v4", "passed"), ("greets/ip=v6", "passed"), ("greets", "passed"),
                           ("needs-a-program", "skipped"), ("asks-too-much", "failed")):
        with open(f"{OUT}/all/{place}/result.json") as f:
            check(done, json.load(f)["verdict"] == verdict, f"{place}/result.json does not say {verdict}")
    root = xml.etree.ElementTree.parse(junit).getroot()
    counts = [root.get(k) for k in ("tests", "failures", "errors", "skipped")]
    check(done, root.tag == "testsuites" and counts == ["4", "1", "0", "1"], f"JUnit counts {counts}")
    cases = {(s.get("name"), c.get("name")): [e.tag for e in c] for s in root for c in s}
    check(done, cases == {("greets", "ip=v4"): [], ("greets", "ip=v6"): [],
                          ("needs-a-program", "needs-a-program"): ["skipped"],
                          ("asks-too-much", "asks-too-much"): ["failure"]}, f"JUnit cases {cases}")
    failure = root.find("testsuite/testcase/failure")
    check(done, "sessions.extra == 1000" in failure.text, "the failure does not say what failed")


def tap():
    done = run("--tap", "-j", "2", GOOD, BAD, "--out", OUT + "/tap")
    points = taken_apart(done.stdout)
    check(done, points is not None, "standard output is no TAP 13")
    check(done, points and [p[2] for p in points] == TITLES, "TAP has other tests, or in another order")
    check(done, points and [p[0] for p in points] == [True, True, True, False], "TAP has other results")
    check(done, points and (points[2][3] or "").startswith("SKIP "), "TAP does not say what was skipped")


def usage():
    for arguments, code, words in ((["--version"], 0, "mirrorlab 0."), (["--help"], 0, "labs"), ([], 2, "subcommand"),
                                   (["run"], 2, "scenario"), (["exec", "test"], 2, "which command?"),
                                   (["run", GOOD, "--keep"], 2, "--keep is for one run"), (["frob"], 2, "no command `frob` (known: run, "),
                                   (["rn", GOOD], 2, "did you mean `run`?"),
                                   (["run", GOOD, "--junitt", "x"], 2, "run has no option `--junitt` (did you mean `--junit`?)"),
                                   (["run", "--help"], 0, "Exit code: 0 passed")):
        done = subprocess.run([MIRRORLAB, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        done.words = " ".join([MIRRORLAB, *arguments])
        check(done, done.returncode == code and words in done.stdout + done.stderr, f"not {code} and '{words}'")


def selection():
    done = run(GOOD, "-R", r"greets.*v6", "--out", OUT + "/filter", "--format", "json")
    check(done, json.loads(done.stdout)["variant"] == "ip=v6", "--filter chose something else")
    done = run(GOOD + "/greets.yaml", "--variant", "ip=v4", "--repeat", "2", "--out", OUT + "/repeat")
    check(done, done.returncode == 0 and "2 runs" in done.stdout, "--repeat did not repeat")
    done = run(BAD, "--repeat", "3", "--out", OUT + "/until")
    check(done, done.returncode == 1 and "2 runs" not in done.stdout, "--repeat went on after a failure")
    done = run(GOOD + "/needs-a-program.yaml", "--out", OUT + "/skipped")
    check(done, done.returncode == 77, "nothing but a skipped one did not give exit code 77")
    for arguments, words in (((GOOD, "-R", "nothing-is-called-so"), "nothing matches --filter"),
                             ((GOOD, "-R", "("), "no regular expression"),
                             ((GOOD + "/greets.yaml", "--variant", "ip=v5"), "there are: ip=v4 ip=v6"),
                             ((OUT + "/nowhere.yaml",), "nowhere.yaml"),
                             ((OUT + "/empty",), "no scenario (*.yaml) under"),
                             ((GOOD, OUT + "/twin"), "two scenarios are called")):
        done = run(*arguments, "--out", OUT + "/refused")
        check(done, done.returncode == 2 and words in done.stderr, f"not refused with 2 and '{words}'")


def interruption(jobs):
    out = f"{OUT}/interrupted-{jobs}"
    command = [MIRRORLAB, "run", "-j", str(jobs), GOOD + "/greets.yaml", BAD, OUT + "/long",
               "--repeat", "1000", "--out", out, "--junit", out + ".xml"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    for line in process.stderr:  # something has ended, and something is under way
        if "asks-too-much" in line or (jobs == 1 and line.startswith("  traffic")):
            break
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=60)
    process.words, (process.stdout, process.stderr) = " ".join(command), text
    check(process, process.returncode == 130, "an interrupted batch did not give exit code 130")
    check(process, "interrupted" in process.stdout, "the report does not say that it was interrupted")
    root = xml.etree.ElementTree.parse(out + ".xml").getroot()
    check(process, root.get("tests") == "4", "JUnit leaves out what did not run")
    check(process, any(e.get("message") == "interrupted" for e in root.iter("error")),
          "JUnit does not say what was interrupted")
    # The processes of a run name its directory.
    left = [p for p in glob.glob("/proc/[0-9]*/cmdline") if out.encode() in read(p)]
    check(process, not left, f"processes are left: {left}")


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""  # it has ended


shutil.rmtree(OUT, ignore_errors=True)
os.makedirs(OUT + "/empty")
for place, name in (("twin", "greets"), ("long", "long")):
    os.makedirs(f"{OUT}/{place}")
    with open(GOOD + "/greets.yaml") as f:
        text = f.read().replace("name: greets", f"name: {name}").replace("matrix: {ip: [v4, v6]}\n", "")
    with open(f"{OUT}/{place}/{name}.yaml", "w") as f:
        f.write(text.replace("requests: 2}", "requests: 20, think: 500ms}"))
usage()
side_by_side()
tap()
selection()
interruption(3)
interruption(1)
if problems:
    sys.exit("\n".join(problems))
print("batch: order, exit codes, JUnit, TAP, selection and interruption hold")
