#!/usr/bin/env python3
"""The whole pipeline: the real programs in namespaces, nginx on both sides, wrk at full speed.

CPU (user and system) of mirror-copy and mirror-intercept for each request, from the beginning of
the traffic on, and what mirror-copy costs the online host for each packet it captures. Beside it the
limit: what the bare system calls of both cost (pipeline_limit), in the same run. Start-up is left
out: it costs 20 ms or 200, as the host of a virtual box has the memory for the capture's ring at
hand or not.

  pipeline_bench.py MIRRORLAB [--limit PROGRAM] [--json FILE] [--repeat N]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


ENGINES = {"mirror-copy": "copy", "mirror-intercep": "intercept"}  # as the kernel cuts their names


def descendants(pid):
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # it has ended meanwhile
        children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


def cpu_of(pid):
    """Seconds on a CPU so far, of all threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def engines_cpu(pid):
    so_far = {}
    for one in descendants(pid):
        try:
            with open(f"/proc/{one}/comm") as file:
                name = file.read().strip()
            if name in ENGINES:
                so_far[ENGINES[name]] = cpu_of(one)
        except OSError:
            continue
    return so_far


def run_variant(mirrorlab, scenario, variant, out):
    """What the run printed, and the engines' CPU before the traffic."""
    started = subprocess.Popen(
        ["timeout", "240", mirrorlab, "run", scenario, "--variant", variant, "--out", out],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text, before = "", {}
    for line in started.stdout:
        text += line
        if line.split()[:1] == ["traffic"] and not before:
            before = engines_cpu(started.pid)
    started.wait()
    return text, before


def figures_of(what, result, before):
    online = result["online"]["requests"]
    mirrored = result["test"]["requests"]
    copy, intercept = result["engines"]["copy"], result["engines"]["intercept"]
    packets = copy["counters"]["packets_captured"]
    traffic_s = result["duration_s"]["traffic"]
    cpu = {name: e["cpu_s"] - before[name] for name, e in (("copy", copy), ("intercept", intercept))}
    per_request = {name: seconds * 1e6 / online for name, seconds in cpu.items()}
    return {
        "what": what,
        "unit": "us",
        "ours": sum(per_request.values()),
        "copy_us": per_request["copy"],
        "intercept_us": per_request["intercept"],
        "requests_per_s": online / traffic_s,
        "mirrored_percent": 100 * mirrored / online,
        "online_host_us_a_packet": cpu["copy"] * 1e6 / packets,
        "peak_rss_bytes": {"copy": copy["peak_rss_bytes"], "intercept": intercept["peak_rss_bytes"]},
    }


def row_of(mirrorlab, name, variant):
    scenario = os.path.join(HERE, "pipeline", name + ".yaml")
    what = f"{name}, {variant}, a request"
    with tempfile.TemporaryDirectory() as out:
        text, before = run_variant(mirrorlab, scenario, variant, out)
        # With one variant of a matrix: in a directory of its own, beside the summary of all.
        path = os.path.join(out, variant, "result.json")
        if not os.path.exists(path):
            raise SystemExit(f"pipeline_bench: {what}: no result\n{text}")
        with open(path) as file:
            result = json.load(file)
    if result["verdict"] == "skipped":
        return {"what": what, "skipped": result["reason"]}
    if result["verdict"] != "passed" or result["online"]["requests"] == 0 or set(before) != set(ENGINES.values()):
        print(text)
        raise SystemExit(f"pipeline_bench: {what}: {result['verdict']}: {result['reason']}\n"
                         f"again: {mirrorlab} run {scenario}")
    return figures_of(what, result, before)


def median_row(rows):
    if any("skipped" in row for row in rows):
        return rows[0]
    return sorted(rows, key=lambda row: row["ours"])[len(rows) // 2]


def limits(program):
    """The bare loops' microseconds, by kind of work."""
    if program is None:
        return {}
    with tempfile.TemporaryDirectory() as out:
        path = os.path.join(out, "limit.json")
        subprocess.run([program, "--json", path], check=True, timeout=240)
        with open(path) as file:
            return {row["what"]: row["ours"] for row in json.load(file)["rows"]}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("mirrorlab")
    options.add_argument("--limit")
    options.add_argument("--json")
    options.add_argument("--repeat", type=int, default=1, help="the median of so many runs is said")
    args = options.parse_args()
    bare = limits(args.limit)
    rows = []
    for name in ("keep-alive", "paced-keep-alive", "short", "paced-short"):
        for variant in ("via=ebpf", "via=nfqueue"):
            row = median_row([row_of(args.mirrorlab, name, variant) for _ in range(args.repeat)])
            if "skipped" not in row and variant == "via=nfqueue" and name in bare:
                row["bare"] = bare[name]
                row["ratio"] = row["ours"] / row["bare"]
            rows.append(row)
            if "skipped" in row:
                print(f"{row['what']}: not here: {row['skipped']}")
                continue
            limit = f", the bare system calls {row['bare']:.1f}" if "bare" in row else ""
            print(f"{row['what']}: {row['ours']:.1f} us of CPU (copy {row['copy_us']:.1f}, intercept "
                  f"{row['intercept_us']:.1f}){limit}, {row['requests_per_s']:.0f} requests/s, "
                  f"{row['mirrored_percent']:.1f} % mirrored, {row['online_host_us_a_packet']:.1f} us "
                  "of the online host a packet", flush=True)
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"bench": "pipeline", "rows": rows}, file, indent=2)


if __name__ == "__main__":
    sys.exit(main())
