#!/usr/bin/env python3
"""The whole pipeline: the real programs in namespaces, nginx on both sides, wrk at full speed.

CPU (user and system) of mirror-copy and mirror-intercept for each request, start-up included, and
what mirror-copy costs the online host for each packet it captures.

  pipeline_bench.py MIRRORLAB [--json FILE]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def figures_of(what, result):
    online = result["online"]["requests"]
    mirrored = result["test"]["requests"]
    copy, intercept = result["engines"]["copy"], result["engines"]["intercept"]
    packets = copy["counters"]["packets_captured"]
    traffic_s = result["duration_s"]["traffic"]
    per_request = {name: e["cpu_s"] * 1e6 / online for name, e in (("copy", copy), ("intercept", intercept))}
    return {
        "what": what,
        "unit": "us",
        "ours": sum(per_request.values()),
        "copy_us": per_request["copy"],
        "intercept_us": per_request["intercept"],
        "requests_per_s": online / traffic_s,
        "mirrored_percent": 100 * mirrored / online,
        "online_host_us_a_packet": copy["cpu_s"] * 1e6 / packets,
        "peak_rss_bytes": {"copy": copy["peak_rss_bytes"], "intercept": intercept["peak_rss_bytes"]},
    }


def rows_of(mirrorlab, name):
    scenario = os.path.join(HERE, "pipeline", name + ".yaml")
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run(
            [mirrorlab, "run", scenario, "--out", out],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
        for variant in sorted(os.listdir(out)):
            path = os.path.join(out, variant, "result.json")
            if not os.path.exists(path):
                continue
            with open(path) as file:
                result = json.load(file)
            what = f"{name}, {variant}, a request"
            if result["verdict"] == "skipped":
                yield {"what": what, "skipped": result["reason"]}
            elif result["verdict"] == "passed" and result["online"]["requests"] > 0:
                yield figures_of(what, result)
            else:
                print(done.stdout)
                raise SystemExit(f"pipeline_bench: {what}: {result['verdict']}: {result['reason']}\n"
                                 f"again: {mirrorlab} run {scenario}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("mirrorlab")
    options.add_argument("--json")
    args = options.parse_args()
    rows = []
    for name in ("keep-alive", "paced-keep-alive", "short", "paced-short"):
        for row in rows_of(args.mirrorlab, name):
            rows.append(row)
            if "skipped" in row:
                print(f"{row['what']}: not here: {row['skipped']}")
                continue
            print(f"{row['what']}: {row['ours']:.1f} us of CPU (copy {row['copy_us']:.1f}, intercept "
                  f"{row['intercept_us']:.1f}), {row['requests_per_s']:.0f} requests/s, "
                  f"{row['mirrored_percent']:.1f} % mirrored, {row['online_host_us_a_packet']:.1f} us "
                  "of the online host a packet", flush=True)
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"bench": "pipeline", "rows": rows}, file, indent=2)


if __name__ == "__main__":
    sys.exit(main())
