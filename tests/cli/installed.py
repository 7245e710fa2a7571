#!/usr/bin/env python3
"""Installs into an empty prefix and uses it from there as another project does.

usage: installed.py CMAKE CTEST BUILD_DIRECTORY SAMPLE_PROJECT OUT
"""
import json
import os
import re
import shutil
import subprocess
import sys

CMAKE, CTEST, BUILD, SAMPLE, OUT = sys.argv[1:6]
PREFIX, PROJECT = OUT + "/prefix", OUT + "/build"
VARIANTS = ["scenario.greets/ip=v4", "scenario.greets/ip=v6"]
problems = []


def run(*command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, **more)
    done.words = " ".join(command)
    return done


def check(done, holds, what):
    if not holds:
        problems.append(f"{what}\n  `{done.words}` ended with {done.returncode} and wrote:\n{done.stdout}{done.stderr}")


def tests_of(done):
    """name -> Passed, Failed, Skipped, as ctest prints it."""
    found = re.findall(r"Test +#\d+: (\S+) \.*(\*\*\*| +)(\w+)", done.stdout)
    return {name: state for name, _, state in found}


shutil.rmtree(OUT, ignore_errors=True)
installed = run(CMAKE, "--install", BUILD, "--prefix", PREFIX)
check(installed, installed.returncode == 0, "the installation failed")
for path in ("bin/mirrorlab", "bin/mirror-copy", "bin/mirror-intercept", "share/mirrorlab/scenarios/quickstart.yaml",
             "share/mirrorlab/scenarios/schema/scenario.schema.json", "share/man/man1/mirrorlab.1",
             "share/man/man8/mirror-copy.8", "share/bash-completion/completions/mirror-intercept"):
    check(installed, os.path.exists(f"{PREFIX}/{path}"), f"{path} is not installed")
# Nothing of the build tree may be needed: the programs must be those beside this one.
listed = run(PREFIX + "/bin/mirrorlab", "list", cwd=OUT)
check(listed, "share/mirrorlab/scenarios/quickstart.yaml" in listed.stdout, "the installed scenarios are not listed")
doctor = run(PREFIX + "/bin/mirrorlab", "doctor", "--format", "json", cwd=OUT)
check(doctor, doctor.returncode == 0, "the installed mirrorlab cannot run scenarios")

configured = run(CMAKE, "-S", SAMPLE, "-B", PROJECT, "-DWITH_A_FAILURE=ON", f"-DCMAKE_PREFIX_PATH={PREFIX}")
check(configured, configured.returncode == 0, "the sample project does not configure")
plain = run(CTEST, "--test-dir", PROJECT, "-j2", "-L", "network")
check(plain, plain.returncode == 0, "the sample project's tests do not pass")
check(plain, tests_of(plain) == {VARIANTS[0]: "Passed", VARIANTS[1]: "Passed", "scenario.needs-a-program": "Skipped"},
      f"the sample project has other tests or results: {tests_of(plain)}")
smoke = run(CTEST, "--test-dir", PROJECT, "-N", "-L", "smoke")
check(smoke, re.findall(r"Test +#\d+: (\S+)", smoke.stdout) == VARIANTS, "a file's own labels are no ctest labels")
failing = run(CTEST, "--test-dir", PROJECT, "-R", "failing", "--output-on-failure")
check(failing, failing.returncode != 0 and tests_of(failing) == {"failing.asks-too-much": "Failed"},
      "a scenario that fails does not fail its test")
check(failing, "sessions.extra == 1000" in failing.stdout, "the failed test does not say what failed")
with open(f"{PROJECT}/scenario-out/greets/ip=v6/result.json") as f:
    result = json.load(f)
check(plain, result["verdict"] == "passed", "there is no result of a variant where results belong")

shown = run(CTEST, "--test-dir", PROJECT, "--show-only=json-v1")
properties = {t["name"]: {p["name"]: p["value"] for p in t["properties"]} for t in json.loads(shown.stdout)["tests"]}
check(shown, properties["scenario.greets/ip=v4"].get("SKIP_RETURN_CODE") == 77, "77 does not mean skipped")
check(shown, properties["scenario.greets/ip=v4"].get("TIMEOUT") == 90, "no time-out from the scenario's own")
check(shown, properties["failing.asks-too-much"].get("TIMEOUT") == 50, "TIMEOUT is not heeded")
slots = [properties[t].get("RESOURCE_LOCK") for t in (*VARIANTS, "scenario.needs-a-program")]
check(shown, slots == [["scenario.slot-0"], ["scenario.slot-1"], ["scenario.slot-0"]], f"JOBS 2 gives the locks {slots}")
if problems:
    sys.exit("\n".join(problems) + "\nagain: " + " ".join(sys.argv))
print("installed, found, used: a passing, a skipped and a failing scenario")
