#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""ask.py DIRECTORY: answers questions about JSON documents, and about the observer's maps below DIRECTORY.

Reads lines "FILE<TAB>EXPRESSION", and prints one line for each: what the Python expression is. Without a
FILE, "True", or the values behind an expression that is not true. An expression sees

    d                     the document in FILE; "-" is none
    frozen, filesystems   dictionaries by device, "7:0"
    writers               a dictionary by thread
    totals                the one entry
    events                a list in order of number, which each has as "number"
    count(events, ...)    how many of them have these values: type="FROZEN", pid=1, device="7:0", error=5
    blocked               a list: what "blocked" shows, by column
    keep()                keeps what totals and filesystems are, as kept["totals"]; always true
    grew(field[, device]) by how much one of their fields is more since
    lines(path)           the documents of a file that has one a line
    report(path)          a helper's report, JSON
    pids(path)            those of such a report's first line
    kinds(path)           what it has of writers of several kinds: a dictionary of pids
    state(pid)            of a process, as in /proc/PID/stat: "D"; "Z" when it is gone, too
    note(name, value)     notes it as noted[name]; always true
    median(what, list)    of times in ns, in ms; printed with the smallest and largest
    programs(), maps()    how many BPF programs that are attached to functions, and how many maps, there are

One process for a whole file of tests, and one bpftool: in a guest that is emulated each takes a second
to start.
"""
import ctypes
import json
import os
import platform
import re
import statistics
import struct
import subprocess
import sys

MAPS = "frozen", "filesystems", "writers", "totals", "events"


class Bpftool:
    """Dumps one map after the other; has none open in between."""

    def __init__(self):
        self.process = None

    def dump(self, path):
        if not self.process:
            self.process = subprocess.Popen(["bpftool", "batch", "file", "-"], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(f"map dump pinned {path}", file=self.process.stdin, flush=True)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            # What is inside of the document is indented.
            if line.rstrip("\n") in ("]", "[]", "[ ]"):
                # In a string that is not printable, characters are numbers in hex.
                return json.loads(re.sub(r"(?<=[\s\[,])0x[0-9a-f]+(?=\s*[,\]\n])",
                                         lambda found: str(int(found[0], 16)), "".join(lines)))
        self.process = None     # it ends with the first error
        raise OSError("".join(lines).strip())


bpftool = Bpftool()


def dump(name):
    entries = [(entry["key"], entry["value"]) for entry in bpftool.dump(f"{sys.argv[1]}/{name}")]
    if name == "totals":
        return entries[0][1]
    if name == "events":
        return [dict(event, number=number) for number, event in sorted(entries, key=lambda entry: entry[0])]
    if name == "writers":
        return dict(entries)
    return {f'{key["major"]}:{key["minor"]}': value for key, value in entries}


# ---- what there is of BPF: bpftool's lists have a program of their own for who holds what ----

SYSCALL = {"x86_64": 321}.get(platform.machine(), 280)
PROGRAM, MAP = (11, 13), (12, 14)       # BPF_*_GET_NEXT_ID, BPF_*_GET_FD_BY_ID
GET_INFO, KPROBE, TRACING = 15, 2, 26
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, *words):
    buffer = ctypes.create_string_buffer(struct.pack(f"={len(words)}I", *words), 128)
    result = libc.syscall(SYSCALL, command, buffer, len(buffer))
    return result, struct.unpack_from("=32I", buffer)


def ids(kind):
    number = 0
    while True:
        result, words = bpf(kind[0], number)
        if result:
            return
        number = words[1]
        yield number


def type_of(program):
    fd, _ = bpf(PROGRAM[1], program)
    if fd < 0:
        return None
    info = ctypes.create_string_buffer(64)
    address = ctypes.addressof(info)
    bpf(GET_INFO, fd, len(info), address & 0xffffffff, address >> 32)
    os.close(fd)
    return struct.unpack_from("=I", info)[0]


def programs():
    return sum(type_of(program) in (KPROBE, TRACING) for program in ids(PROGRAM))


def maps():
    return sum(1 for _ in ids(MAP))


# ---- what expressions see ----

def blocked():
    with open(f"{sys.argv[1]}/blocked", encoding="utf-8") as table:
        rows = table.read().splitlines()[1:]
    fields = [re.match(r" *(\d+) +(\d+) (.{16}) +(\S+) +(\d+) (\S+)(.*)", row).groups() for row in rows]
    return [{"pid": int(f[0]), "thread": int(f[1]), "comm": f[2].rstrip(), "device": f[3],
             "wait_ms": int(f[4]), "phase": f[5], "before": bool(f[6])} for f in fields]


def count(events, **wanted):
    def values(event):
        return {"type": event["type"].removeprefix("FW_EVENT_"), "pid": event["by"]["pid"],
                "device": f'{event["device"]["major"]}:{event["device"]["minor"]}', "error": event["error"]}
    return sum(wanted.items() <= values(event).items() for event in events)


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def report(path):
    return lines(path)[-1]


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


def answer(path, expression):
    names = {"report": report, "state": state, "count": count, "keep": keep, "kept": kept, "noted": noted,
             "note": note, "median": median, "show": show, "pids": pids, "kinds": kinds, "lines": lines,
             "programs": programs, "maps": maps}
    if path not in ("", "-"):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            names["d"] = json.loads(text)
            return repr(eval(expression, names))    # a comprehension sees globals only
        except Exception as error:      # whatever it is, it is the answer
            return f"{type(error).__name__}: {error}; of: {text}"
    if "grew(" in expression:
        names.update({"totals": dump("totals"), "filesystems": dump("filesystems")})
        names["grew"] = lambda *args: grew(names, *args)
    for name in MAPS:
        if name not in names and re.search(rf"\b{name}\b(?!['\"])", expression):
            names[name] = dump(name)
    if re.search(r"\bblocked\b(?!['\"])", expression):
        names["blocked"] = blocked()
    result = eval(expression, names)
    if result is True or path:
        return repr(result)
    seen = {name: value for name, value in names.items()
            if name in MAPS + ("blocked",) and len(str(value)) < 3000}
    return f"{result!r} is what it comes to; {seen}"


for line in sys.stdin:
    try:
        print(" ".join(answer(*line.rstrip("\n").split("\t", 1)).splitlines()), flush=True)
    except Exception as error:  # whatever it is, the test has failed
        print(f"{error!r} in {line.strip()}", flush=True)
