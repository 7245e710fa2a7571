#!/usr/bin/env bash
# Runs scenarios, or a program that takes mirrorlab, as an ordinary user.
# usage: as_ordinary_user.sh PROGRAM_DIR --scenarios DIR LEAST  the first variant of every file must pass, as it does
#                                                              for root, or lack what root alone has; LEAST must run
#        as_ordinary_user.sh PROGRAM_DIR --test SCRIPT PROJECT  SCRIPT MIRRORLAB PROJECT OUT must end with 0
set -euo pipefail
programs=$1; shift
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
# The checkout need not be readable by that user; these copies are.
cp "$programs"/mirrorlab "$programs"/mirror-copy "$programs"/mirror-intercept "$room"
as_user=()
if [ "$(id -u)" = 0 ]; then as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
mkdir "$room/out"
if [ "$1" = --test ]; then
  cp "$2" "$room/test.py"; cp -r "$3" "$room/project"
  chmod -R a+rX "$room"; chmod a+rwx "$room/out"
  cd "$room"
  # Not a Python of root's own.
  PATH=/usr/bin:/bin:/usr/sbin:/sbin "${as_user[@]}" python3 test.py "$room/mirrorlab" "$room/project" "$room/out"
  exit
fi
[ "$1" = --scenarios ] || { sed -n 3,5p "$0"; exit 2; }
cp -r "$2" "$room/scenarios"
least=$3
chmod -R a+rX "$room"; chmod a+rwx "$room/out"
"${as_user[@]}" "$room/mirrorlab" doctor | grep -q 'user namespace' ||
  { echo "doctor does not say that it works in a user namespace"; exit 1; }
# NAME, or NAME [FIRST VARIANT], of every file but those that measure (label `serial`).
wanted=$("$room/mirrorlab" list --format json "$room/scenarios" | python3 -c '
import json, re, sys
first = {}
for s in json.load(sys.stdin):
    if "serial" in s["labels"]:
        continue
    first.setdefault(s["file"], s["name"] + (" [" + s["variant"] + "]" if s["variant"] else ""))
print("^(" + "|".join(map(re.escape, first.values())) + ")$")')
run() { "${as_user[@]}" "$room/mirrorlab" run "$@" 2>&1 | tee "$room/out.txt"; }
run -j 2 "$room/scenarios" --filter "$wanted" --out "$room/out/run" || [ $? = 3 ]
passed=$(grep -c '^passed ' "$room/out.txt")
# A box that gave a run no CPU says so (exit code 3); such runs get the box for themselves.
again=$(sed -n 's/^\([a-z0-9-]*\)\( \[.*\]\)\?: INCONCLUSIVE .*/\1/p' "$room/out.txt" | sort -u)
for name in $again; do
  echo "again, alone: $name"
  run "$room/scenarios" --filter "^$name( |\$)" --out "$room/out/again"
done
[ "$passed" -ge "$least" ] || { echo "$passed passed; $least must"; exit 1; }
