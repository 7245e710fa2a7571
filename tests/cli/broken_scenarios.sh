#!/usr/bin/env bash
# mirrorlab on every broken scenario: exit 2, one line on stderr, FILE:LINE:COLUMN at its beginning.
#   broken_scenarios.sh MIRRORLAB DIRECTORY
set -u
bad=0; checked=0
complain() { printf '%s\n    reproduce: %s\n' "$1" "$2"; bad=1; }
for file in "$2"/*.yaml "$2"/topology/*.yaml; do
  for command in validate run; do
    checked=$((checked + 1))
    error=$("$1" "$command" "$file" 2>&1 >/dev/null </dev/null); code=$?
    [ $code = 2 ] || complain "$file: exit $code, expected 2" "$1 $command $file"
    [ "$(wc -l <<<"$error")" = 1 ] || complain "$file: not one line of error" "$1 $command $file"
    expected="$file:$(sed -n '1s/^# //p' "$file")"
    [ "$error" = "$expected" ] || complain "$file: says"$'\n'"  $error"$'\nexpected\n'"  $expected" "$1 $command $file"
  done
done
[ $checked -gt 0 ] || { echo "no files in $2"; exit 1; }
echo "$checked runs"
exit $bad
