#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""maps.py DIRECTORY: answers questions about the observer's maps below DIRECTORY, as bpftool dumps them.

Reads Python expressions, one a line, and prints "True", or what is to be known of one that isn't. An
expression sees

    frozen, filesystems   dictionaries by device, "7:0"
    writers               a dictionary by thread
    totals                the one entry
    events                a list in order of number, which each has as "number"
    count(events, ...)    how many of them have these values: type="FROZEN", pid=1, device="7:0", error=5
    blocked               a list: what "blocked" shows, by column
    keep()                keeps what totals and filesystems are, as kept["totals"]; always true
    grew(field[, device]) by how much one of their fields is more since
    report(path)          a helper's report, JSON
    pids(path)            those of such a report's first line
    kinds(path)           what it has of writers of several kinds: a dictionary of pids
    state(pid)            of a process, as in /proc/PID/stat: "D"; "Z" when it is gone, too
    note(name, value)     notes it as noted[name]; always true
    median(what, list)    of times in ns, in ms; printed with the smallest and largest

One process for a whole file of tests: in a guest that is emulated Python takes a second to start.
"""
import json
import re
import statistics
import subprocess
import sys

MAPS = "frozen", "filesystems", "writers", "totals", "events"


def dump(name):
    text = subprocess.run(["bpftool", "map", "dump", "pinned", f"{sys.argv[1]}/{name}", "-j"],
                          check=True, stdout=subprocess.PIPE).stdout
    entries = [(entry["formatted"]["key"], entry["formatted"]["value"]) for entry in json.loads(text)]
    if name == "totals":
        return entries[0][1]
    if name == "events":
        return [dict(event, number=number) for number, event in sorted(entries, key=lambda entry: entry[0])]
    if name == "writers":
        return dict(entries)
    return {f'{key["major"]}:{key["minor"]}': value for key, value in entries}


def blocked():
    with open(f"{sys.argv[1]}/blocked", encoding="utf-8") as table:
        lines = table.read().splitlines()[1:]
    fields = [re.match(r" *(\d+) +(\d+) (.{16}) +(\S+) +(\d+) (\S+)(.*)", line).groups() for line in lines]
    return [{"pid": int(f[0]), "thread": int(f[1]), "comm": f[2].rstrip(), "device": f[3],
             "wait_ms": int(f[4]), "phase": f[5], "before": bool(f[6])} for f in fields]


def count(events, **wanted):
    def values(event):
        return {"type": event["type"].removeprefix("FW_EVENT_"), "pid": event["by"]["pid"],
                "device": f'{event["device"]["major"]}:{event["device"]["minor"]}', "error": event["error"]}
    return sum(wanted.items() <= values(event).items() for event in events)


def report(path):
    with open(path, encoding="utf-8") as file:
        return json.loads(file.read().splitlines()[-1])


def pids(path):
    with open(path, encoding="utf-8") as file:
        return json.loads(file.readline())["pids"]


def kinds(path):
    with open(path, encoding="utf-8") as file:
        first = json.loads(file.readline())
    return dict(zip(first["kinds"], first["pids"]))


def show(*what):
    print("#", *what, file=sys.stderr, flush=True)
    return True


def median(what, times_ns):
    times = [time / 1e6 for time in times_ns]
    middle = statistics.median(times)
    show(f"{what}: median {middle:.2f} ms, from {min(times):.2f} to {max(times):.2f} ms")
    return abs(middle)


noted = {}


def note(name, value):
    noted[name] = value
    return True


def state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


kept = {}


def keep():
    kept.update({"totals": dump("totals"), "filesystems": dump("filesystems")})
    return True


def grew(names, field, device=None):
    def value(of):
        return of["totals"][field] if device is None else of["filesystems"].get(device, {}).get(field, 0)
    now, then = value(names), value(kept)
    if isinstance(now, dict):
        return {name: now[name] - then[name] for name in now if isinstance(now[name], int)}
    return now - then


def answer(question):
    names = {"report": report, "state": state, "count": count, "keep": keep, "kept": kept, "noted": noted,
             "note": note, "median": median, "show": show, "pids": pids, "kinds": kinds}
    if "grew(" in question:
        names.update({"totals": dump("totals"), "filesystems": dump("filesystems")})
        names["grew"] = lambda *args: grew(names, *args)
    for name in MAPS:
        if re.search(rf"\b{name}\b", question):
            names[name] = dump(name)
    if re.search(r"\bblocked\b(?!['\"])", question):
        names["blocked"] = blocked()
    result = eval(question, names)
    if result is True:
        return "True"
    seen = {name: value for name, value in names.items()
            if name in MAPS + ("blocked",) and len(str(value)) < 3000}
    return f"{result!r} is what it comes to; {seen}"


for line in sys.stdin:
    try:
        print(answer(line), flush=True)
    except Exception as error:  # whatever it is, the test has failed
        print(f"{error!r} in {line.strip()}", flush=True)
