#!/usr/bin/env python3
"""Where `mirrorlab run` writes: what cannot be written is told before anything runs, a disk that fills
up and an output that takes no more are told by exit code 3 and in words, and no earlier report is
taken for the run's own.

usage: outputs.py MIRRORLAB SAMPLE_PROJECT OUT
"""
import json
import os
import shutil
import subprocess
import sys

MIRRORLAB, SAMPLE, OUT = sys.argv[1:4]
SCENARIO = SAMPLE + "/scenarios/greets.yaml"
problems = []


def run(*arguments, before=(), **more):
    command = [*before, MIRRORLAB, "run", SCENARIO, "--variant", "ip=v4", *arguments]
    more.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=100, **more)
    done.words = " ".join(command)
    return done


def check(done, holds, what):
    if not holds:
        problems.append(f"{what}\n  again: {done.words}\n  it ended with {done.returncode} and wrote:\n"
                        f"{done.stdout or ''}{done.stderr}")


def refused_before_it_runs():
    free, blocked = OUT + "/free", OUT + "/blocked"
    os.makedirs(OUT + "/summary/result.json")
    with open(blocked, "w"):
        pass
    for arguments, words in ((("--out", free, "--junit", OUT + "/nowhere/j.xml"), "make its directory first"),
                             (("--out", free, "--junit", OUT), "Is a directory"),
                             (("--out", free, "--junit", free + "/"), "Is a directory"),
                             (("--out", free, "--junit", "/proc/j.xml"), "--junit: cannot create /proc/j.xml.part"),
                             (("--out", blocked), "name another with --out"),
                             (("--out", "/proc/nowhere"), "name another with --out"),
                             (("--out", OUT + "/summary"), "Is a directory")):
        done = run(*arguments)
        check(done, done.returncode == 2 and words in done.stderr, f"not refused with 2 and '{words}'")
        check(done, "setup" not in done.stderr, "something ran before the bad path was told")
        check(done, len(done.stderr.splitlines()) == 1, "not one line of error")


def earlier_reports_go():
    os.makedirs(OUT + "/again/ip=v4")
    for file in ("/again/ip=v4/result.json", "/again/result.json", "/again.xml"):
        with open(OUT + file, "w") as f:
            f.write("of an earlier run")
    # It is ended before it can write one of its own.
    done = run("--out", OUT + "/again", "--junit", OUT + "/again.xml", before=("timeout", "-s", "KILL", "0.4"))
    left = [f for f in ("/again/ip=v4/result.json", "/again/result.json", "/again.xml") if os.path.exists(OUT + f)]
    for file in left:
        with open(OUT + file) as f:
            check(done, "earlier" not in f.read(), f"{file} is of an earlier run")


def full_disk():
    place = OUT + "/full"
    os.makedirs(place)
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = f'mount -t tmpfs -o size=16k none {place} && shift && "$@"; code=$?; ls -R {place} >&2; exit $code'
    done = run("--out", place + "/o", "--junit", place + "/j.xml", before=(*own, "sh", "-c", script, "sh", "-"))
    check(done, done.returncode == 3, "a full disk did not give exit code 3")
    check(done, "greets [ip=v4]: ERROR" in done.stdout and "No space left on device" in done.stdout,
          "the report does not say that the disk is full")
    check(done, "the run itself: " in done.stdout, "the report does not say what the run came to")
    check(done, ".part" not in done.stderr.split("/o:\n")[-1], "half a file is left")


def standard_output():
    with open("/dev/full", "w") as full:
        for form in ((), ("--tap",), ("--format", "json")):
            done = run("--out", OUT + "/stdout", *form, stdout=full)
            check(done, done.returncode == 3 and "standard output" in done.stderr,
                  "a report that could not be printed did not give exit code 3")
        for words in (("list", SCENARIO), ("explain", SCENARIO), ("validate", SCENARIO), ("metrics",)):
            done = subprocess.run([MIRRORLAB, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
            done.words = " ".join([MIRRORLAB, *words])
            check(done, done.returncode == 3 and "standard output" in done.stderr, "not told that nothing was printed")
    with open(OUT + "/stdout/ip=v4/result.json") as f:
        check(done, json.load(f)["verdict"] == "passed", "the result file does not say that it passed")


shutil.rmtree(OUT, ignore_errors=True)
os.makedirs(OUT)
refused_before_it_runs()
earlier_reports_go()
full_disk()
standard_output()
if problems:
    sys.exit("\n".join(problems))
print("outputs: bad paths, a full disk, a full standard output and earlier reports are told")
