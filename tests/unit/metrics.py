#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reads Prometheus metrics from standard input with the parser of Prometheus' own client: metrics.py [DOCUMENT]

Prints what a monitoring system could not use, and exits with 0 if there is no such problem. With DOCUMENT,
every metric must be named there.
"""
import collections
import importlib.util
import math
import re
import sys
import types

# The parser without the rest of the client, which in an emulated machine takes seconds to load.
client = types.ModuleType("prometheus_client")
client.__path__ = importlib.util.find_spec("prometheus_client").submodule_search_locations
sys.modules["prometheus_client"] = client
parser = importlib.import_module("prometheus_client.parser")

UNITS = ("_seconds", "_bytes", "_ratio")
WRONG_UNITS = re.compile(r"_(ns|us|ms|milliseconds|nanoseconds|minutes|kb|mb)(_|$)")


def histogram_problems(family):
    """Buckets are cumulative and end with +Inf, which is the count."""
    series = collections.defaultdict(lambda: {"buckets": []})
    for s in family.samples:
        labels = tuple(sorted((k, v) for k, v in s.labels.items() if k != "le"))
        if s.name.endswith("_bucket"):
            series[labels]["buckets"].append((float(s.labels["le"]), s.value))
        else:
            series[labels][s.name[len(family.name):]] = s.value
    for labels, found in series.items():
        where = f"{family.name} {dict(labels)}"
        bounds = [b for b, _ in found["buckets"]]
        counts = [c for _, c in found["buckets"]]
        if bounds != sorted(set(bounds)) or counts != sorted(counts):
            yield f"{where}: the buckets are not in order, or not cumulative"
        if not bounds or not math.isinf(bounds[-1]):
            yield f"{where}: no bucket +Inf"
        elif found.get("_count") != counts[-1]:
            yield f"{where}: _count is {found.get('_count')}, +Inf {counts[-1]}"
        if "_sum" not in found:
            yield f"{where}: no _sum"


def problems(text, document):
    if not text.endswith("\n"):
        yield "the last line has no end"
    for line, n in collections.Counter(re.findall(r"^# (?:TYPE|HELP) \S+", text, re.M)).items():
        if n > 1:
            yield f"{line}: {n} times"
    seen = set()
    for family in parser.text_string_to_metric_families(text):
        # The parser takes _total off a counter's name, and puts it on its samples'.
        name = family.name + ("_total" if family.type == "counter" else "")
        if f"# TYPE {name} {family.type}\n" not in text:
            yield f"{name}: a counter without _total, or no TYPE"
        if not family.documentation:
            yield f"{name}: no HELP"
        if family.type != "counter" and name.endswith("_total"):
            yield f"{name}: not a counter"
        if not name.startswith("freezeguard_") or WRONG_UNITS.search(name):
            yield f"{name}: not a name by the conventions"
        if family.type == "histogram":
            if not name.endswith(UNITS):
                yield f"{name}: a histogram of what?"
            yield from histogram_problems(family)
        if document and f"`{name}`" not in document:
            yield f"{name}: not documented"
        for s in family.samples:
            key = (s.name, tuple(sorted(s.labels.items())))
            if key in seen:
                yield f"{s.name}{s.labels}: twice"
            seen.add(key)
            if s.value < 0 or math.isnan(s.value):
                yield f"{s.name}{s.labels}: {s.value}"
    if not seen:
        yield "no samples"


def main():
    document = ""
    if len(sys.argv) > 1:
        with open(sys.argv[1], encoding="utf-8") as f:
            document = f.read()
    found = list(problems(sys.stdin.buffer.read().decode("utf-8"), document))
    for problem in found:
        print(problem, file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
