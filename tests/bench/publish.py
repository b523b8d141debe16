#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Publishes figures: publish.py [--merge FIGURES] FOLDER

FOLDER has performance-figures.json, from which this writes performance-figures.md, the table, and
performance-figures.svg, a picture of the ratios. With --merge the figures of a run, as report.py
--json leaves them, first replace those of the same name; every figure keeps the run it is of.
"""

import argparse
import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

sys.dont_write_bytecode = True  # this folder is a source folder
from report import HEAD, ratio_text, row  # pylint: disable=wrong-import-position

LICENCE = "SPDX-License-Identifier: GPL-2.0-only"


def merge(known, measured):
    """The figures of both, in the order of the newer; runs are numbered anew."""
    old = {f["figure"]: dict(f, run=known["runs"][f["run"]]) for f in known["figures"]}
    old.update({f["figure"]: dict(f, run=measured["run"]) for f in measured["figures"]})
    runs = list(dict.fromkeys(f["run"] for f in old.values()))
    return {"licence": LICENCE,
            "runs": {str(n): run for n, run in enumerate(runs, 1)},
            "figures": [dict(f, run=str(runs.index(f["run"]) + 1)) for f in old.values()]}


def table(document):
    rows = [HEAD + ["run"], ["---"] * (len(HEAD) + 1)]
    rows += [row(f) + [f["run"]] for f in document["figures"]]
    lines = [f"<!-- {LICENCE} -->", "# Performance: the figures", "",
             "`make bench` writes this file; [performance.md](performance.md) explains it.",
             "`ours`, its `p99` and `max` are freezeguard's. A ratio is ours to the peer's, and `by`",
             "names the column that it compares. `mark` is the goal.", "",
             "![Ratios to the peers](performance-figures.svg)", "", "The runs:", ""]
    lines += [f"- {n}: {text}" for n, text in document["runs"].items()]
    return "\n".join(lines + [""] + ["| " + " | ".join(cells) + " |" for cells in rows]) + "\n"


# Left of the bars are names, right of them the ratios.
LEFT, WIDTH, RIGHT, LINE = 330, 480, 70, 18


def picture(document):
    """A bar for each ratio with a mark, from 1 on a logarithmic scale; the mark is a line across it."""
    figures = [f for f in document["figures"] if f["ratio"] is not None and f["mark"] is not None]
    lowest = math.floor(math.log10(min(min(f["ratio"], f["mark"]) for f in figures)))
    highest = math.ceil(math.log10(max(max(f["ratio"], f["mark"]) for f in figures)))
    bottom = 46 + LINE * len(figures)

    def place(value):
        return LEFT + WIDTH * (math.log10(value) - lowest) / (highest - lowest)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{bottom + 12}"'
           ' font-family="sans-serif" font-size="12">', f"<!-- {LICENCE} -->",
           "<title>What freezeguard needs, as a ratio to its peers</title>",
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="8" y="18">ratio to the peer; left of 1 is better; the black line is the mark</text>']
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
    options = parser.parse_args()
    source = options.folder / "performance-figures.json"
    document = json.loads(source.read_text(encoding="utf-8"))
    if options.merge:
        document = merge(document, json.loads(options.merge.read_text(encoding="utf-8")))
        source.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (options.folder / "performance-figures.md").write_text(table(document), encoding="utf-8")
    (options.folder / "performance-figures.svg").write_text(picture(document), encoding="utf-8")
    return 0


sys.exit(main())
