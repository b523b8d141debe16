#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""ask.py: reads lines "FILE<TAB>EXPRESSION" and prints what the expression is, one line each.

It sees the JSON document that is in FILE as d. frozen(d) makes of what bpftool dumped of the map "frozen"
a dictionary by device, "7:0".
"""
import json
import sys


def frozen(entries):
    return {"%d:%d" % (e["formatted"]["key"]["major"], e["formatted"]["key"]["minor"]):
            e["formatted"]["value"] for e in entries}


def answer(path, expression):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        # A comprehension sees globals only.
        return repr(eval(expression, {"d": json.loads(text), "frozen": frozen}))
    except Exception as error:      # pylint: disable=broad-except # whatever it is, it is the answer
        return f"{type(error).__name__}: {error}; of: {text if 'text' in locals() else path}"


for line in sys.stdin:
    print(" ".join(answer(*line.rstrip("\n").split("\t", 1)).splitlines()), flush=True)
