# SPDX-License-Identifier: GPL-2.0-only
"""The figures: which series are compared, how, and with which goal. Data only.

The programs in this folder print series; "what" describes the measured thing. "by" is how a series
becomes one number. The mark limits ours divided by the peer's, or ours if there is no peer.
"""

from collections import namedtuple

Figure = namedtuple("Figure", "name unit ours peer by mark what")


def figure(name, ours, peer=None, mark=None, unit="ms", by="median", what=""):
    return Figure(name, unit, ours, peer, by, mark, what)


FIGURES = []

# ---- set.c ----
for n in 64, 128:
    FIGURES += [
        figure(f"set-{n}: span, to fsfreeze", f"set{n}.lease.span", f"set{n}.fsfreeze.span", 1 / 50,
               what=f"{n} idle ext4, first frozen to last frozen"),
        figure(f"set-{n}: span, to the ioctl loop", f"set{n}.lease.span", f"set{n}.ioctl.span", 1 / 25),
        figure(f"set-{n}: freeze, to fsfreeze", f"set{n}.lease.freeze", f"set{n}.fsfreeze.freeze",
               1 / 50, what="request to notification, in one process"),
        figure(f"set-{n}: freeze, to the ioctl loop", f"set{n}.lease.freeze", f"set{n}.ioctl.freeze",
               1 / 25),
        figure(f"set-{n}: freezectl freeze, to fsfreeze", f"set{n}.freezectl.freeze",
               f"set{n}.fsfreeze.freeze", what="whole processes"),
        figure(f"set-{n}: thaw, to the ioctl loop", f"set{n}.lease.thaw", f"set{n}.ioctl.thaw",
               1 if n == 128 else None),
        figure(f"set-{n}: freezectl thaw, to fsfreeze", f"set{n}.freezectl.thaw",
               f"set{n}.fsfreeze.thaw"),
        figure(f"set-{n}: creating the threads", f"set{n}.lease.threads",
               what="request to the first superblock that begins to freeze"),
    ]
FIGURES += [
    figure("set-64: freeze, to a set of 1", "set64.lease.freeze", "set1.lease.freeze", 4,
           what="growth"),
    figure("set-64: lateness, idle", "set64.lease.late", mark=30, by="max",
           what="200 deadlines: the last release"),
]

# ---- idle.c ----
for fs in "ext4", "xfs", "btrfs":
    FIGURES += [
        figure(f"idle {fs}: the freeze, writers stopped", f"idle.{fs}.lease.took",
               f"idle.{fs}.ioctl.took", 1 / 15, what="to FIFREEZE"),
        figure(f"idle {fs}: as a writer sees it", f"idle.{fs}.lease.freeze",
               f"idle.{fs}.ioctl.freeze"),
        figure(f"idle {fs}: writers stopped, thawed at once", f"idle.{fs}.lease.stall",
               f"idle.{fs}.ioctl.stall", what="to FIFREEZE and FITHAW"),
    ]

# ---- dirty.c ----
for fs, mark in ("ext4", 1 / 20), ("xfs", 1 / 50):
    FIGURES += [
        figure(f"dirty {fs}: longest stall, to fsfreeze", f"dirty.{fs}.freezectl.stall",
               f"dirty.{fs}.fsfreeze.stall", mark, what="400 MB dirty at 50 MB/s"),
        figure(f"dirty {fs}: longest stall, to sync -f; fsfreeze", f"dirty.{fs}.freezectl.stall",
               f"dirty.{fs}.sync.stall"),
        figure(f"dirty {fs}: freeze and thaw, to fsfreeze", f"dirty.{fs}.freezectl.whole",
               f"dirty.{fs}.fsfreeze.whole", what="wall, write-back included"),
    ]

# ---- deadline.c ----
FIGURES += [
    figure("deadline, idle: late, to the floor", "deadline.idle.lease", "deadline.idle.floor", 1.5),
    figure("deadline, idle: late, p99 to the floor's", "deadline.idle.lease", "deadline.idle.floor",
           2, by="p99"),
    figure("deadline, 8 CPU hogs: late, p99 to the script's", "deadline.hogs.lease",
           "deadline.hogs.script", 1 / 20, by="p99"),
    figure("deadline, 8 CPU hogs: late, to the floor", "deadline.hogs.lease", "deadline.hogs.floor"),
]
for load, what in ("fifo", "SCHED_FIFO hogs"), ("memory", "no memory"):
    FIGURES += [
        figure(f"deadline, {what}: late, p99", f"deadline.{load}.lease", mark=100, by="p99"),
        figure(f"deadline, {what}: late, p99 to the script's", f"deadline.{load}.lease",
               f"deadline.{load}.script", by="p99"),
        figure(f"deadline, {what}: missed", f"deadline.{load}.lease.missed",
               f"deadline.{load}.script.missed", 0, unit="", by="sum",
               what="of the runs; the peer is the script"),
    ]

# ---- command.c ----
FIGURES += [
    figure("command: freezectl freeze and thaw, wall", "command.freezectl.wall",
           "command.fsfreeze.wall", 1, what="to fsfreeze -f and -u, one idle ext4"),
    figure("command: freezectl freeze and thaw, CPU", "command.freezectl.cpu",
           "command.fsfreeze.cpu", 2),
    figure("command: thaw by path, wall", "command.freezectl-path.wall", "command.fsfreeze.wall"),
    figure("command: freezectl --version, wall", "start.freezectl.wall", "start.fsfreeze.wall",
           what="starting the program"),
    figure("command: freezectl --version, CPU", "start.freezectl.cpu", "start.fsfreeze.cpu"),
    figure("command: dlm pre-script and post-script, wall", "dlm.freezectl.wall",
           "dlm.sample.wall", 1 / 10, what="to the sample's steps"),
    figure("command: memory locked", "locked", mark=16, unit="MiB"),
]

# ---- scale.c ----
FIGURES += [
    figure("scale: get by id, 1000 live to 100", "scale.live.get", "scale.few.get", 1.25, unit="us"),
    figure("scale: get by id, 10000 ended to 100 live", "scale.ended.get", "scale.few.get", 1.25,
           unit="us"),
    figure("scale: a dump, for each of 1000 to 100", "scale.live.dump-each",
           "scale.few.dump-each", 1.25, unit="us"),
    figure("scale: a dump, for each of 10000 ended", "scale.ended.dump-each",
           "scale.few.dump-each", 1.25, unit="us"),
    figure("scale: freeze beside 1000 live, to none", "scale.live.freeze", "scale.none.freeze", 1.25),
    figure("scale: freeze beside 10000 ended, to none", "scale.ended.freeze", "scale.none.freeze",
           1.25),
    figure("scale: memory of a live lease", "scale.live.memory", unit="KiB",
           what="of one hold, its thread included"),
    figure("scale: memory of an ended lease", "scale.ended.memory", unit="KiB"),
]

# ---- observer.c ----
FIGURES += [
    figure("observer: runs of its programs in 10000 unblocked writes", "observer.unblocked.runs",
           mark=0, unit="", by="max"),
    figure("observer: its programs in one freeze and thaw", "observer.freeze", unit="us"),
    figure("observer: its programs, for each blocked writer", "observer.blocked", unit="us",
           what="from blocking to going on"),
]
