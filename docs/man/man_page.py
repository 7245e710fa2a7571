#!/usr/bin/env python3
"""A manual page, or a completion for bash, whose options are those of the program's own --help.

usage: man_page.py man PROGRAM PAGE.in VERSION      (the page; @OPTIONS@ in PAGE.in is where they go)
       man_page.py completion PROGRAM...
"""
import os
import re
import subprocess
import sys


def help_of(program, *subcommand):
    done = subprocess.run([program, *subcommand, "--help"], capture_output=True, text=True, check=True, timeout=20)
    return done.stdout


def parse(text):
    """Sections of a --help: {title: [(name, words)]}, and what stands behind them all."""
    sections, title, footer = {}, None, []
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z]\w+:", line) and line[:-1] in ("Positionals", "Options", "Subcommands"):
            title = line[:-1]
            sections[title] = []
        elif title and (entry := re.fullmatch(r"  (\S.*?)(?:  +(\S.*))?", line)) and title != "":
            sections[title].append([entry[1], entry[2] or ""])
        elif title and line.startswith("   ") and sections[title]:
            sections[title][-1][1] = (sections[title][-1][1] + " " + line.strip()).strip()
        elif title and line.strip():
            title = ""
        if title == "" and line.strip():
            footer.append(line)
            sections.setdefault("", [])
    return sections, footer


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def entry(name, words):
    """-o,--out FILE=x {a,b}: the names in bold, the rest of what is taken in italics."""
    names, _, taken = name.partition(" ")
    bold = ", ".join(f"\\fB{roff(n)}\\fR" for n in names.split(","))
    return f".TP\n{bold}" + (f" \\fI{roff(taken)}\\fR" if taken else "") + f"\n{roff(words)}\n"


def options_of(program, *subcommand):
    sections, footer = parse(help_of(program, *subcommand))
    page = ""
    for title in ("Positionals", "Options"):
        for name, words in sections.get(title, []):
            page += entry(name, words)
    if footer and subcommand:
        page += ".PP\n" + "\n.br\n".join(roff(line.strip()) for line in footer) + "\n"
    return page


def subcommands_of(program):
    return [(name.split()[0], words) for name, words in parse(help_of(program))[0].get("Subcommands", [])]


def man(program, page, version):
    options = options_of(program)
    for name, words in subcommands_of(program):
        options += f".SS {roff(os.path.basename(program))} {name}\n{roff(words)}.\n" + options_of(program, name)
    with open(page) as f:
        sys.stdout.write(f.read().replace("@VERSION@", version).replace("@OPTIONS@\n", options))


def long_names(program, *subcommand):
    names = [n for name, _ in parse(help_of(program, *subcommand))[0].get("Options", []) for n in name.split()[0].split(",")]
    return " ".join(n for n in names if n.startswith("-"))


def completion(programs):
    print("# bash completion, made from the programs' own --help")
    for program in programs:
        name = os.path.basename(program)
        function = "_" + name.replace("-", "_")
        print(f"{function}() {{\n  local cur=${{COMP_WORDS[COMP_CWORD]}} words='{long_names(program)}'\n  COMPREPLY=()")
        commands = subcommands_of(program)
        if commands:
            all_names = " ".join(c for c, _ in commands)
            print(f"  if [ \"$COMP_CWORD\" -gt 1 ]; then\n    case ${{COMP_WORDS[1]}} in")
            for command, _ in commands:
                print(f"      {command}) words='{long_names(program, command)}' ;;")
            print(f"    esac\n  else\n    words=\"{all_names} $words\"\n  fi")
        print("  if [[ $cur == -* || ( $COMP_CWORD -eq 1 && -n \"$words\" ) ]]; then\n"
              "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n  fi\n}")
        print(f"complete -o default -F {function} {name}")


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "man":
        man(*sys.argv[2:])
    elif len(sys.argv) > 2 and sys.argv[1] == "completion":
        completion(sys.argv[2:])
    else:
        sys.exit(__doc__)
