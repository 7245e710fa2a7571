#!/usr/bin/env bash
# Runs scenarios as an ordinary user: the same verdict as root's.
# usage: as_ordinary_user.sh PROGRAM_DIR SCENARIO...
set -euo pipefail
programs=$1; shift
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
# The checkout need not be readable by that user; these copies are.
cp "$programs"/mirrorlab "$programs"/mirror-copy "$programs"/mirror-intercept "$@" "$room"
chmod -R a+rX "$room"
mkdir "$room/out"; chmod a+rwx "$room/out"
as_user=()
if [ "$(id -u)" = 0 ]; then as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
"${as_user[@]}" "$room/mirrorlab" doctor | grep -q 'user namespace' ||
  { echo "doctor does not say that it works in a user namespace"; exit 1; }
for scenario in "$@"; do
  "${as_user[@]}" "$room/mirrorlab" run "$room/$(basename "$scenario")" --out "$room/out/run"
done
