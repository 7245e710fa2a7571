#!/usr/bin/env bash
# mirrorlab on every broken scenario: exit 2, one line on stderr, FILE:LINE:COLUMN at its beginning.
#   broken_scenarios.sh MIRRORLAB DIRECTORY
set -u
bad=0
complain() { printf '%s\n    reproduce: %s\n' "$1" "$2"; bad=1; }
files=("$2"/*.yaml "$2"/topology/*.yaml)
[ ${#files[@]} -gt 150 ] || { echo "no files in $2"; exit 1; }
expected_of() { echo "$1:$(sed -n '1s/^# //p' "$1")"; }
for file in "${files[@]}"; do
  error=$("$1" run "$file" 2>&1 >/dev/null </dev/null); code=$?
  expected=$(expected_of "$file")
  [ $code = 2 ] || complain "$file: exit $code, expected 2" "$1 run $file"
  [ "$error" = "$expected" ] || complain "$file: says"$'\n'"  $error"$'\nexpected\n'"  $expected" "$1 run $file"
done
# One that is wrong does not keep the others from being looked at.
for command in validate explain; do
  errors=$("$1" $command "${files[@]}" 2>&1 >/dev/null </dev/null); code=$?
  [ $code = 2 ] || complain "exit $code, expected 2" "$1 $command $2/*.yaml"
  [ "$errors" = "$(for file in "${files[@]}"; do expected_of "$file"; done)" ] \
    || complain "$command says other than run" "$1 $command $2/*.yaml $2/topology/*.yaml"
done
echo "${#files[@]} files"
exit $bad
