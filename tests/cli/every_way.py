#!/usr/bin/env python3
"""scenarios/io/every-way.yaml stands for the whole cross of tests/every-way: it holds every pair of values of two axes,
and differs from it in nothing else.

  every_way.py MIRRORLAB WHOLE.yaml SOME.yaml
"""
import itertools
import json
import subprocess
import sys

MIRRORLAB, WHOLE, SOME = sys.argv[1:]


def variants(file):
    run = subprocess.run([MIRRORLAB, "list", file], check=True, capture_output=True, text=True, timeout=30)
    line = next(line for line in run.stdout.splitlines() if line.strip().startswith("variants:"))
    return [dict(axis.split("=") for axis in name.split(",")) for name in line.split()[1:]]


def pairs(rows):
    return {pair for row in rows for pair in itertools.combinations(sorted(row.items()), 2)}


def body(file):
    """What the two must have in common: all but the choice of combinations and the words about it."""
    kept, inside = [], False
    for line in open(file, encoding="utf-8").read().splitlines():
        inside = line == "  include:" or (inside and line.startswith("    - {"))
        if not inside and not line.startswith(("#", "name:", "about:", "timeout:", "  exclude:")):
            kept.append(line)
    return kept


def missing(whole, some):
    return sorted(pairs(whole) - pairs(some))


def main():
    whole, some = variants(WHOLE), variants(SOME)
    if not missing(whole, some[1:]):
        raise SystemExit("without its first variant no pair is missing: this test sees nothing")
    if missing(whole, some):
        raise SystemExit(f"{SOME} lacks {json.dumps(missing(whole, some), indent=1)}\nagain: {' '.join(sys.argv)}")
    if body(WHOLE) != body(SOME):
        differing = [f"{a}\n{b}" for a, b in itertools.zip_longest(body(WHOLE), body(SOME)) if a != b]
        raise SystemExit(f"{WHOLE} and {SOME} differ:\n" + "\n".join(differing) + f"\nagain: {' '.join(sys.argv)}")
    print(f"{len(some)} of {len(whole)} combinations hold all {len(pairs(whole))} pairs")


main()
