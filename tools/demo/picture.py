#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Draws the demo's time line: picture.py LOG >Documentation/demo.svg, LOG being what tools/demo/run printed.

Each story of the demo is a block of rows, one for each event with its time since the story began. The
band beside the rows shows from which event to which one the writers stood still.
"""

import re
import sys
from xml.sax.saxutils import escape

ROW, TITLE, WIDTH = 21, 34, 860
STAMPED = re.compile(r" *(\d+)\.(\d{3}) s  (.*)")


def read_stories(lines):
    """[title, [[milliseconds, text, exit code or ""]]] for each story."""
    stories = []
    for line in lines:
        if line.startswith("== "):
            stories.append((line[3:].strip(), []))
            continue
        match = STAMPED.match(line)
        if not match or not stories:
            continue
        ms, text = int(match[1]) * 1000 + int(match[2]), match[3]
        events = stories[-1][1]
        if text.startswith("exit code "):
            events[-1][2] = text.removeprefix("exit code ")
        else:
            events.append([ms, text, ""])
    return [story for story in stories if story[1]]


def short(text):
    """A command without its paths, and an execution id by its first digit."""
    text = re.sub(r"--execution-id (\w)[0-9a-f-]{35}", r"--execution-id \1...", text)
    return re.sub(r"(\d+s) ('/|/).*", r"\1 ...", text)


def is_frozen(events):
    """For each event whether the writers stand still from it on."""
    frozen, states = False, []
    for _, text, code in events:
        if "pre-script" in text and code in ("0", ""):
            frozen = True
        elif ("post-script" in text and code == "0") or text.endswith("writers go on"):
            frozen = False
        states.append(frozen)
    return states


def block(story, top):
    title, events = story
    out = [f'<text x="12" y="{top + 22}" font-weight="bold" font-size="14">{escape(title)}</text>']
    top += TITLE
    for n, ((ms, text, code), frozen) in enumerate(zip(events, is_frozen(events))):
        y = top + ROW * n
        if n + 1 < len(events):
            colour = "#c0392b" if frozen else "#2a7f62"
            out.append(f'<rect x="84" y="{y + 9}" width="6" height="{ROW}" fill="{colour}"/>')
        out += [f'<text x="72" y="{y + 14}" text-anchor="end" fill="#555">{(ms - events[0][0]) / 1000:.2f} s</text>',
                f'<circle cx="87" cy="{y + 9}" r="4" fill="#222"/>',
                f'<text x="104" y="{y + 14}">{escape(short(text))}</text>']
        if code:
            out.append(f'<text x="{WIDTH - 12}" y="{y + 14}" text-anchor="end" font-weight="bold">exit code {code}</text>')
    return out, top + ROW * len(events)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: picture.py LOG >PICTURE")
    with open(sys.argv[1], encoding="utf-8") as log:
        text = log.read()
    if "== Done: 0 problems" not in text:
        sys.exit(f"{sys.argv[1]}: the demo did not end with \"Done: 0 problems\"; run make demo")
    # Copies and their checks are about the snapshot, not about time.
    stories = [(title, [e for e in events if not e[1].startswith(("the copy of", "longest gap"))])
               for title, events in read_stories(text.splitlines())]
    if len(stories) < 3 or not all(any(is_frozen(events)) for _, events in stories):
        sys.exit(f"{sys.argv[1]}: these are not the demo's stories; has the demo changed?")
    body, bottom = [], 30
    for story in stories:
        out, bottom = block(story, bottom)
        body += out
    print("\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 10}"'
        ' font-family="sans-serif" font-size="13">',
        "<!-- SPDX-License-Identifier: GPL-2.0-only; made by tools/demo/picture.py -->",
        "<title>The demo: three backups, and when the writers stand still</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        '<rect x="12" y="12" width="12" height="12" fill="#2a7f62"/><text x="30" y="23">writers run</text>',
        '<rect x="122" y="12" width="12" height="12" fill="#c0392b"/><text x="140" y="23">writers wait</text>',
        f'<text x="{WIDTH - 12}" y="23" text-anchor="end" fill="#555">times of an emulated machine</text>',
        *body, "</svg>"]))
    return 0


sys.exit(main())
