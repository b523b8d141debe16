#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""compare.py PAIRS MOUNTPOINT SAMPLE-STEPS

Wall time of a pre-script and a post-script of freezectl, and of the same steps of the sample, in turn,
PAIRS times. Prints both medians in milliseconds. Commands are started as the Systems Manager agent starts
them: by vfork from a process that is not a shell.
"""
import statistics
import subprocess
import sys
import time
import uuid


def took(*commands):
    begun = time.monotonic()
    for command in commands:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - begun) * 1000


def main():
    pairs, path, sample = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    ours, samples = [], []
    for _ in range(pairs + 1):
        which = str(uuid.uuid4())
        ours.append(took(["freezectl", "dlm", "pre-script", "--execution-id", which, path],
                         ["freezectl", "dlm", "post-script", "--execution-id", which]))
        samples.append(took([sample, "pre-script"], [sample, "post-script"]))
    # The first of each reads what the others find in memory.
    print(round(statistics.median(ours[1:])), round(statistics.median(samples[1:])))


if __name__ == "__main__":
    main()
