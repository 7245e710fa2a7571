#!/usr/bin/env bash
# mirrorlab shrink finds the one fault a failure needs, its list fails when it is replayed, and a
# list without it does not.   shrink.sh MIRRORLAB OUT_DIRECTORY
set -euo pipefail
mirrorlab=$1 out=$2
scenario=$(dirname "$0")/loses-something.yaml
rm -rf "$out"
fail() { echo "$1; files in $out"; exit 1; }
"$mirrorlab" shrink "$scenario" --budget 40 --out "$out" || fail "shrink ended with $?"
[ "$(grep -c '"what"' "$out/link-faults.json")" = 1 ] || fail "not one fault is left"
grep -q '"what": "loss"' "$out/link-faults.json" || fail "the fault is no loss"
code=0; "$mirrorlab" run --replay "$out" --out "$out/replayed" >"$out/replayed.txt" 2>&1 || code=$?
[ $code = 1 ] || fail "the minimal list does not fail again: exit code $code"
sed 's/"what": "loss"/"what": "duplicate"/' "$out/link-faults.json" >"$out/other.json"
code=0; "$mirrorlab" run --replay "$out/other.json" --out "$out/passes" >"$out/passes.txt" 2>&1 || code=$?
[ $code = 0 ] || fail "without the loss it fails too: exit code $code"
# Three that are guilty together: three are found, and with any two of them it passes.
sed 's/links.lost == 0/links.lost <= 2/; s/name: .*/name: loses-three/' "$scenario" >"$out/three.yaml"
"$mirrorlab" shrink "$out/three.yaml" --budget 60 --out "$out/three" || fail "shrink of three ended with $?"
[ "$(grep -c '"what": "loss"' "$out/three/link-faults.json")" = 3 ] || fail "not three losses are left"
[ "$(grep -c '"what"' "$out/three/link-faults.json")" = 3 ] || fail "more than the three losses are left"
# Nothing to find where nothing fails.
code=0; "$mirrorlab" shrink "$out/passes" --out "$out/none" >"$out/none.txt" 2>&1 || code=$?
[ $code = 3 ] && grep -q 'it does not fail' "$out/none.txt" || fail "a run that passed: exit code $code"
code=0; "$mirrorlab" shrink "$out/nowhere" >"$out/nowhere.txt" 2>&1 || code=$?
[ $code = 2 ] || fail "no such run: exit code $code"
