#!/usr/bin/env python3
"""Holds the published JSON Schema against the scenario reader.

usage: scenario_schema.py SCHEMA SCENARIO_DIR BROKEN_DIR BEYOND_FILE

Every scenario file must pass the schema. Every broken file (the reader refuses all of them) must be
refused by the schema too, but for those in BEYOND_FILE: what is wrong with these cannot be said in a
schema (a reference to what is not there, a duplicate key), so the list may only get shorter.
"""
import json
import pathlib
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """YAML 1.2 words as editors' schema servers read them: only true and false are booleans."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers
            if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool",
                             __import__("re").compile("^(?:true|false)$"), list("tf"))


def refusal(validator, path):
    """Empty when the file passes, else the first thing that is wrong."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        return f"not YAML: {error}"
    for error in validator.iter_errors(document):
        place = "/".join(map(str, error.absolute_path))
        return f"{place}: {error.message[:150]}"
    return ""


def main():
    schema_file, scenario_dir, broken_dir, beyond_file = map(pathlib.Path, sys.argv[1:])
    schema = json.loads(schema_file.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    problems = []
    good = sorted(scenario_dir.rglob("*.yaml"))
    for path in good:
        wrong = refusal(validator, path)
        if wrong:
            problems.append(f"{path}: the schema refuses what the reader takes: {wrong}")
    beyond = set(beyond_file.read_text().split())
    broken = sorted(broken_dir.glob("*.yaml"))
    for path in broken:
        refused = bool(refusal(validator, path))
        if not refused and path.name not in beyond:
            problems.append(f"{path}: the reader refuses it and the schema does not")
        if refused and path.name in beyond:
            problems.append(f"{path}: the schema refuses it now; take it out of {beyond_file}")
    if not good or not broken:
        problems.append("no files to judge the schema by")
    if problems:
        sys.exit("\n".join(problems) + "\nagain: " + " ".join(sys.argv))
    print(f"{len(good)} scenarios pass, {len(broken) - len(beyond)} of {len(broken)} broken files"
          " are refused by the schema")


if __name__ == "__main__":
    main()
