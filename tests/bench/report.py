#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes figures from samples: report.py SAMPLES [--json FILE --run TEXT] [--ktap] [GROUP...]

Prints the table, or with --ktap one result for each known figure, ok if it was produced.
GROUP: only the figures whose names begin so. TEXT says which run it was; publish.py keeps it.
"""

import argparse
import json
import math
import sys
from collections import defaultdict

from figures import FIGURES


def p99(values):
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]


def median(values):
    return sorted(values)[(len(values) - 1) // 2]


BY = {"median": median, "p99": p99, "max": max, "sum": sum}


def read_samples(path):
    series = defaultdict(list)
    with open(path, encoding="ascii") as lines:
        for line in lines:
            name, value = line.split()
            series[name].append(float(value))
    return series


def numbers(name, values):
    return {"series": name, "runs": len(values), "median": median(values), "p99": p99(values),
            "maximum": max(values), "sum": sum(values)}


def evaluate(figure, series):
    """The figure as a dictionary; None if it could not be produced."""
    ours, peer = series.get(figure.ours), series.get(figure.peer)
    if not ours or (figure.peer and not peer):
        return None
    value = BY[figure.by](ours)
    result = {"figure": figure.name, "what": figure.what, "unit": figure.unit, "by": figure.by,
              "ours": numbers(figure.ours, ours), "peer": None, "ratio": None,
              "mark": figure.mark, "met": None}
    if figure.peer:
        result["peer"] = numbers(figure.peer, peer)
        # A count is compared with nothing: what the peer missed excuses no miss.
        if figure.by != "sum":
            other = BY[figure.by](peer)
            value = result["ratio"] = value / other if other > 0 else math.inf
    if figure.mark is not None:
        result["met"] = value <= figure.mark
    return result


def text(value):
    return "" if value is None else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def ratio_text(value):
    return "" if value is None else f"1/{1 / value:.1f}" if 0 < value < 0.5 else f"{value:.2f}"


def row(result):
    ours, peer = result["ours"], result["peer"] or {}
    mark = ratio_text if result["ratio"] is not None else text
    columns = ["sum"] if result["by"] == "sum" else ["median", "p99", "maximum"]
    cells = [[text(side.get(column)) for column in columns] for side in (ours, peer)]
    blank = [""] * (3 - len(columns))
    runs = [str(side["runs"]) for side in (ours, peer) if side]
    return [result["figure"], result["unit"], ", ".join(sorted(set(runs), key=runs.index)),
            *cells[0], *blank, *cells[1], *blank, result["by"], ratio_text(result["ratio"]),
            mark(result["mark"]), {True: "met", False: "not met", None: ""}[result["met"]]]


HEAD = ["figure", "unit", "runs", "ours", "p99", "max", "peer", "p99", "max", "by", "ratio", "mark",
        ""]


def print_table(results):
    rows = [HEAD] + [row(result) for result in results]
    widths = [max(len(r[i]) for r in rows) for i in range(len(HEAD))]
    for r in rows:
        print("  ".join(c.ljust(w) if i < 2 else c.rjust(w)
                        for i, (c, w) in enumerate(zip(r, widths))).rstrip())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("samples")
    parser.add_argument("groups", nargs="*")
    parser.add_argument("--json")
    parser.add_argument("--ktap", action="store_true")
    parser.add_argument("--run", default="")
    options = parser.parse_intermixed_args()

    figures = [f for f in FIGURES
               if not options.groups or f.name.startswith(tuple(options.groups))]
    series = read_samples(options.samples)
    results = [evaluate(figure, series) for figure in figures]
    if options.ktap:
        print(f"KTAP version 1\n1..{len(figures)}")
        for number, (figure, result) in enumerate(zip(figures, results), 1):
            print(f"{'ok' if result else 'not ok'} {number} - {figure.name.replace('#', '')}")
    else:
        print_table([r for r in results if r])
        for figure, result in zip(figures, results):
            if not result:
                print(f"not produced: {figure.name}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump({"run": options.run, "figures": [r for r in results if r]}, out, indent=1)
            out.write("\n")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
