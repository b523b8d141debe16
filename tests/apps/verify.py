#!/usr/bin/python3 -SI
# SPDX-License-Identifier: GPL-2.0-only
"""verify.py DIRECTORY RETURNED [UNTIL] <ROWS

Compares the rows of a restored table ("CLIENT SEQ" a line) with what load.py's clients wrote down in
DIRECTORY, for a backup whose pre-script had returned at RETURNED (CLOCK_BOOTTIME, ns): every
transaction acknowledged before then must be there, and none that began after it, or after UNTIL.
"""
import os
import sys


def main():
    directory, returned, until = sys.argv[1], int(sys.argv[2]), int(sys.argv[-1])
    rows = [tuple(map(int, line.split())) for line in sys.stdin if line.strip()]
    there = set(rows)
    complaints = []
    if len(there) != len(rows):
        complaints.append(f"{len(rows) - len(there)} rows are there twice")
    must, began = set(), {}
    for name in os.listdir(directory):
        with open(f"{directory}/{name}", encoding="ascii") as log:
            for line in log:
                what, seq, when = line.split()
                row = (int(name), int(seq))
                if what == "begin":
                    began[row] = int(when)
                elif int(when) < returned:
                    must.add(row)
    missing = must - there
    early = {row for row in there if began.get(row, 0) > until}
    unknown = there - set(began)
    if missing:
        complaints.append(f"{len(missing)} of {len(must)} acknowledged transactions are missing, "
                          f"such as {min(missing)}")
    if early:
        complaints.append(f"{len(early)} began too late, such as {min(early)}")
    if unknown:
        complaints.append(f"{len(unknown)} rows were never written, such as {min(unknown)}")
    if len(must) < 8:
        complaints.append(f"only {len(must)} transactions had been acknowledged: there was no load")
    for complaint in complaints:
        print(complaint)
    print(f"{len(must)} acknowledged before, {len(there)} restored", file=sys.stderr)
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
