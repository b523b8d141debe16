# SPDX-License-Identifier: GPL-2.0-only
"""A session hook, called as Documentation/hooks.md says, and KTAP for tests of it."""
import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback

TOP = pathlib.Path(__file__).resolve().parents[2]
HOOKS = TOP / "build/userspace/hooks"
NOT_READY = 75


class Hook:
    """HOOK session or HOOK check; its lines come by themselves, with the times at which they came."""

    def __init__(self, name, environment, verb="session", timeout=5, limit=60):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
               "FREEZEGUARD_ID": "test", "FREEZEGUARD_TIMEOUT": str(timeout),
               "FREEZEGUARD_LIMIT": str(limit), **environment}
        self.begun = time.monotonic()
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([HOOKS / name, verb], env=env, cwd="/", text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.lines = []
        self.more = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.more.put(line.rstrip("\n"))
        self.more.put(None)

    def until(self, line, seconds=20):
        """Whether that line comes, before the hook's end."""
        while line not in self.lines:
            try:
                more = self.more.get(timeout=seconds)
            except queue.Empty:
                return False
            if more is None:
                return False
            self.lines.append(more)
        return True

    def ready(self):
        """It is quiet; fails with what it said if it is not."""
        assert self.until("READY"), f"not ready: {self.lines}, status {self.process.poll()}"
        return self

    def ends(self, line=None, seconds=20):
        """Its exit status, after it was sent that line, if any."""
        if line is not None:
            self.process.stdin.write(line + "\n")
            self.process.stdin.close()
        status = self.process.wait(seconds)
        while (more := self.more.get(timeout=seconds)) is not None:
            self.lines.append(more)
        return status

    def closed(self, seconds=20):
        """Its exit status after the end of its standard input."""
        self.process.stdin.close()
        return self.ends(None, seconds)

    def signal(self, number):
        self.process.send_signal(number)

    def note(self, key):
        for line in self.lines:
            if line.startswith(f"NOTE {key}="):
                return line.split("=", 1)[1]
        return None

    def says(self, text):
        return any(text in line for line in self.lines)

    def paths(self):
        return [line[5:] for line in self.lines if line.startswith("PATH ")]

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def within(seconds, function):
    """Whether the function becomes true in time."""
    until = time.monotonic() + seconds
    while not function():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


class Tests:
    """KTAP: add() tests, run() them; a Skip counts as one."""

    def __init__(self):
        self.tests = []

    def add(self, name, function, *args):
        self.tests.append((name, function, args))

    @staticmethod
    def skip(why):
        raise why

    def run(self, only=None):
        tests = [test for test in self.tests if not only or only in test[0]]
        print(f"1..{len(tests)}", flush=True)
        failed = 0
        for number, (name, function, args) in enumerate(tests, 1):
            try:
                function(*args)
                print(f"ok {number} - {name}", flush=True)
            except Skip as skip:
                print(f"ok {number} - {name} # SKIP {skip}", flush=True)
            except Exception:  # pylint: disable=broad-except
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
                print(f"not ok {number} - {name}", flush=True)
                failed += 1
        return failed


class Skip(Exception):
    """Why a test cannot run here."""
