#!/usr/bin/env python3
"""A real result.json follows docs/schema/result.schema.json, and the schema refuses broken ones.

  result_schema.py MIRRORLAB SOURCE_DIRECTORY OUT_DIRECTORY
"""
import copy
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)


def run(mirrorlab, scenario, out):
    """The exit code and the result of one run."""
    command = [mirrorlab, "run", scenario, "--out", out]
    code = subprocess.run(command, stdout=subprocess.DEVNULL, timeout=80, check=False).returncode
    with open(out + "/result.json", encoding="utf-8") as file:
        return code, json.load(file), " ".join(command)


def refused(validator, result):
    return not validator.is_valid(result)


def main():
    mirrorlab, source, out = sys.argv[1:4]
    with open(source + "/docs/schema/result.schema.json", encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    code, result, command = run(mirrorlab, source + "/scenarios/quickstart.yaml", out)
    if code == 77:
        print("skipped:", result["reason"])
        return 77
    failures = [f"{'/'.join(map(str, e.path))}: {e.message}" for e in validator.iter_errors(result)]
    if result["verdict"] != "passed":
        failures.append(f"the run ended {result['verdict']}: {result['reason']}")

    # The schema must be able to say no.
    for key in schema["required"]:
        broken = copy.deepcopy(result)
        del broken[key]
        if not refused(validator, broken):
            failures.append(f"a result without `{key}` is accepted")
    for path, value in [
        (("verdict",), "fine"),
        (("mirror", "sessions_exact"), -1),
        (("online", "bytes"), "many"),
        (("lost",), [{"reason": "", "hop": "copy", "sessions": 1, "bytes": 1}]),
        (("lost",), [{"reason": "unexplained", "hop": "elsewhere", "sessions": 1, "bytes": 1}]),
        (("expectations",), [{"text": "x", "passed": "yes", "actual": ""}]),
        (("engines", "copy", "cpu_s"), "1"),
    ]:
        broken = copy.deepcopy(result)
        place = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        if not refused(validator, broken):
            failures.append(f"{'.'.join(path)} = {value!r} is accepted")
    if failures:
        print("\n".join(failures))
        print("again:", command)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
