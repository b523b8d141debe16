#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Publishes figures: publish.py [--merge FIGURES [--anew]] FOLDER

FOLDER has performance-figures.json, from which this writes performance-figures.md, the table, and
performance-figures.svg, a picture of the ratios. With --merge the figures of a run, as report.py
--json leaves them, join those of earlier runs: a figure keeps its last RUNS_KEPT results, and table
and picture show the worst of them. With --anew the run replaces the earlier results of its figures,
for when what is measured has changed.
"""

import argparse
import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

sys.dont_write_bytecode = True  # this folder is a source folder
from report import HEAD, ratio_text, row, text  # pylint: disable=wrong-import-position

LICENCE = "SPDX-License-Identifier: GPL-2.0-only"


RUNS_KEPT = 5


def judged(figure, result):
    """The value that a mark limits; the smaller, the better."""
    if result["ratio"] is not None:
        return result["ratio"]
    return result["ours"]["maximum" if figure["by"] == "max" else figure["by"]]


def merge(known, measured, anew):
    """Both documents in one, in the order of the newer; runs are numbered anew."""
    old = {f["figure"]: [dict(r, run=known["runs"][r["run"]]) for r in f["results"]]
           for f in known["figures"]}
    figures = {f["figure"]: f for f in known["figures"]}
    for new in measured["figures"]:
        name = new["figure"]
        result = {"run": measured["run"],
                  **{key: new[key] for key in ("ours", "peer", "ratio", "met")}}
        old[name] = ([] if anew else old.get(name, []))[-RUNS_KEPT + 1:] + [result]
        figures[name] = {key: new[key] for key in ("figure", "what", "unit", "by", "mark")}
    runs = list(dict.fromkeys(r["run"] for name in figures for r in old[name]))
    for name, figure in figures.items():
        figure["results"] = [dict(r, run=str(runs.index(r["run"]) + 1)) for r in old[name]]
    return {"licence": LICENCE, "runs": {str(n): run for n, run in enumerate(runs, 1)},
            "figures": list(figures.values())}


def worst(document):
    """The figures, each with its worst result, and with what it was in the best and the worst run."""
    for figure in document["figures"]:
        results = sorted(figure["results"], key=lambda r: judged(figure, r))
        form = text if results[-1]["ratio"] is None else ratio_text
        ends = [form(judged(figure, r)) for r in (results[0], results[-1])]
        yield {**figure, **results[-1], "range": " to ".join(ends) if len(results) > 1 else "",
               "of": ", ".join(r["run"] for r in figure["results"])}


def table(document):
    rows = [HEAD + ["range", "of runs"], ["---"] * (len(HEAD) + 2)]
    rows += [row(f) + [f["range"], f["of"]] for f in worst(document)]
    lines = [f"<!-- {LICENCE} -->", "# Performance: the figures", "",
             "`make bench` writes this file; [performance.md](performance.md) explains it.",
             "`ours`, its `p99` and `max` are freezeguard's. A ratio is ours to the peer's, and `by`",
             "names the column that it compares. `mark` is the goal. Of several runs each row shows the",
             "worst; `range` is from the best to the worst.", "",
             "![Ratios to the peers](performance-figures.svg)", "", "The runs:", ""]
    lines += [f"- {n}: {run}" for n, run in document["runs"].items()]
    return "\n".join(lines + [""] + ["| " + " | ".join(cells) + " |" for cells in rows]) + "\n"


# Left of the bars are names, right of them the ratios.
LEFT, WIDTH, RIGHT, LINE = 330, 480, 70, 18


def picture(document):
    """A bar for each ratio with a mark, from 1 on a logarithmic scale; the mark is a line across it."""
    figures = [f for f in worst(document) if f["ratio"] is not None and f["mark"] is not None]
    lowest = math.floor(math.log10(min(min(f["ratio"], f["mark"]) for f in figures)))
    highest = math.ceil(math.log10(max(max(f["ratio"], f["mark"]) for f in figures)))
    bottom = 46 + LINE * len(figures)

    def place(value):
        return LEFT + WIDTH * (math.log10(value) - lowest) / (highest - lowest)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{bottom + 12}"'
           ' font-family="sans-serif" font-size="12">', f"<!-- {LICENCE} -->",
           "<title>What freezeguard needs, as a ratio to its peers</title>",
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="8" y="18">ratio to the peer; left of 1 is better; the black line is the mark; of several runs the worst</text>']
    for power in range(lowest, highest + 1):
        x = place(10 ** power)
        name = f"1/{10 ** -power}" if power < 0 else str(10 ** power)
        out += [f'<line x1="{x:.1f}" y1="40" x2="{x:.1f}" y2="{bottom}" stroke="#ccc"/>',
                f'<text x="{x:.1f}" y="35" text-anchor="middle">{name}</text>']
    for n, figure in enumerate(figures):
        y = 44 + LINE * n
        begin, end = sorted((place(1), place(figure["ratio"])))
        mark = place(figure["mark"])
        colour = "#2a7f62" if figure["met"] else "#c0392b"
        out += [f'<text x="8" y="{y + 11}">{escape(figure["figure"])}</text>',
                f'<rect x="{begin:.1f}" y="{y}" width="{end - begin:.1f}" height="13" fill="{colour}"/>',
                f'<line x1="{mark:.1f}" y1="{y - 1}" x2="{mark:.1f}" y2="{y + 14}" stroke="black" stroke-width="2"/>',
                f'<text x="{LEFT + WIDTH + 8}" y="{y + 11}">{ratio_text(figure["ratio"])}</text>']
    return "\n".join(out + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--merge", type=pathlib.Path)
    parser.add_argument("--anew", action="store_true")
    options = parser.parse_args()
    source = options.folder / "performance-figures.json"
    document = json.loads(source.read_text(encoding="utf-8"))
    if options.merge:
        document = merge(document, json.loads(options.merge.read_text(encoding="utf-8")),
                         options.anew)
        source.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.folder / "performance-figures.md").write_text(table(document), encoding="utf-8")
    (options.folder / "performance-figures.svg").write_text(picture(document), encoding="utf-8")
    return 0


sys.exit(main())
