#!/usr/bin/env bash
# Runs scenarios, or a program that takes mirrorlab, as an ordinary user.
# usage: as_ordinary_user.sh PROGRAM_DIR SCENARIO...           each must pass, as it does for root
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
mkdir "$room/scenarios"
for scenario in "$@"; do cp "$scenario" "$room/scenarios"; done
chmod -R a+rX "$room"; chmod a+rwx "$room/out"
"${as_user[@]}" "$room/mirrorlab" doctor | grep -q 'user namespace' ||
  { echo "doctor does not say that it works in a user namespace"; exit 1; }
"${as_user[@]}" "$room/mirrorlab" run -j 2 "$room/scenarios" --out "$room/out/run"
