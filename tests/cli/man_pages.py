#!/usr/bin/env python3
"""Every option of --help stands in the manual page and in the completion; groff finds no fault.

usage: man_pages.py PAGES_DIRECTORY MIRRORLAB MIRROR_COPY MIRROR_INTERCEPT
"""
import re
import shutil
import subprocess
import sys

PAGES, *PROGRAMS = sys.argv[1:]
problems = []
with open(PAGES + "/mirrorlab.bash") as f:
    completion = f.read()


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def options(*command):
    """Found otherwise than by the maker of the pages: whatever looks like an option and begins a line."""
    lines = [line for line in run(*command, "--help").stdout.splitlines() if re.match(r"  -", line)]
    return [name for line in lines for name in line.split()[0].split(",")]


def completed(program, *words):
    script = (f'source "{PAGES}/mirrorlab.bash"; COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; '
              f'_{program.replace("-", "_")}; echo "${{COMPREPLY[*]}}"')
    return run("bash", "-c", script).stdout.split()


for program, page in zip(PROGRAMS, ("mirrorlab.1", "mirror-copy.8", "mirror-intercept.8")):
    with open(f"{PAGES}/{page}") as f:
        text = f.read()
    name = page.split(".")[0]
    subcommands = re.findall(r"^  (\w+) ", run(program, "--help").stdout.partition("Subcommands:")[2], re.M)
    if (name == "mirrorlab") != bool(subcommands):
        problems.append(f"{name} has the commands {subcommands}")
    for command in ([], *([c] for c in subcommands)):
        found = options(program, *command)
        if "--help" not in found:
            problems.append(f"{name} {command} has no --help: the check sees nothing")
        start = text.find(f".SS {name} {command[0]}\n") if command else 0
        part = text[start:].split("\n.SS ")[0]
        problems += [f"{page} {command} does not have {o}" for o in found if f"\\fB{o}\\fR".replace("-", "\\-") not in part]
        complete = completed(name, name, *command, "-")
        problems += [f"{name} {command}: {o} is not completed" for o in found if o not in complete]
    if "@" in text:
        problems.append(f"{page} has a placeholder left")
    if shutil.which("groff") and (warnings := run("groff", "-man", "-Tutf8", "-ww", "-z", f"{PAGES}/{page}").stderr):
        problems.append(f"groff of {page}: {warnings}")
if completed("mirrorlab", "mirrorlab", "sh") != ["shell", "shrink"]:
    problems.append(f"mirrorlab sh<tab> gives {completed('mirrorlab', 'mirrorlab', 'sh')}")
if problems:
    sys.exit("\n".join(problems) + "\nagain: " + " ".join(sys.argv))
print("manual pages and completion have every option")
