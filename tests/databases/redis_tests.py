# SPDX-License-Identifier: GPL-2.0-only
"""The hook redis.session with a real Redis or Valkey."""
import contextlib
import os
import signal
import socket
import subprocess
import time

from hook import NOT_READY, Hook, within
from servers import Server

HOOK = "redis.session"


class Client:
    """Enough of the protocol for a test."""

    def __init__(self, path, seconds=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def send(self, *words):
        self.socket.sendall(b"".join([b"*%d\r\n" % len(words)] + [
            b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(word).encode() for word in words)]))

    def answer(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("the server has closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise ValueError(rest)
        if kind == b"$":
            return None if rest == "-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest

    def ask(self, *words):
        self.send(*words)
        return self.answer()

    def close(self):
        self.file.close()
        self.socket.close()


class Redis(Server):
    def __init__(self, root, program, aof, options=()):
        super().__init__(root)
        self.data, self.socket = f"{self.directory}/data", f"{self.directory}/socket"
        os.mkdir(self.data)
        self.arguments = (program, "--port", "0", "--unixsocket", self.socket, "--dir", self.data,
                          "--save", "", "--appendonly", "yes" if aof else "no", "--appendfsync", "everysec",
                          *options)

    def launch(self):
        self.process = self.command(*self.arguments)

    def answers(self):
        try:
            return self.ask("PING") == "PONG"
        except (OSError, ValueError):
            return False

    def ask(self, *words):
        with contextlib.closing(Client(self.socket)) as client:
            return client.ask(*words)

    def environment(self, **more):
        return {"REDIS_SOCKET": self.socket, **more}


class RedisTests:
    """A server with an append-only file, and one without, for all tests of one product."""

    def __init__(self, name, root=None, program="redis-server"):
        self.name, self.root, self.program = name, root, program
        self.aof = self.rdb = None
        self.hooks = []

    def begin(self):
        self.aof = Redis(self.root, self.program, True).start()
        self.rdb = Redis(self.root, self.program, False).start()
        info = self.aof.ask("INFO", "server").splitlines()
        print(f"# {self.name}: {[line for line in info if '_version' in line]}", flush=True)

    def end(self):
        for server in self.aof, self.rdb:
            if server:
                server.remove()

    def hook(self, server, verb="session", timeout=10, limit=60, **environment):
        hook = Hook(HOOK, server.environment(**environment), verb, timeout, limit)
        self.hooks.append(hook)
        return hook

    def refused(self, text, server, **options):
        hook = self.hook(server, **options)
        assert hook.ends() == NOT_READY and hook.says(text), (text, hook.lines)
        assert "READY" not in hook.lines
        return hook

    def writes_wait(self, seconds=0.5):
        """Whether a write has no answer for so long; it gets one before this returns only if not."""
        with contextlib.closing(Client(self.aof.socket, seconds)) as client:
            try:
                client.ask("SET", "probe", time.monotonic())
                return False
            except TimeoutError:
                return True

    def restored(self, server, files):
        """A second server on a copy of the files, as it starts after a crash."""
        copy = Redis(self.root, self.program, server is self.aof)
        try:
            subprocess.run(["cp", "-a", f"{files}/.", copy.data], check=True)
            copy.start()
            return copy.ask("GET", "last")
        finally:
            copy.remove()

    # ---- a session ----

    def check(self):
        for server in self.aof, self.rdb:
            hook = self.hook(server, "check")
            assert hook.ends() == 0 and hook.paths() == [server.data], hook.lines
        assert not self.writes_wait()

    def pause(self):
        hook = self.hook(self.aof).ready()
        assert hook.note("mode") == "pause"
        time.sleep(2)
        assert self.writes_wait(), "writes go on"
        assert self.aof.ask("PING") == "PONG" and self.aof.ask("GET", "none") is None, "reads wait"
        assert hook.ends("thaw") == 0 and not hook.says("LOST"), hook.lines
        assert not self.writes_wait(), "writes wait after the release"

    def acknowledged(self):
        """What was acknowledged before READY is in the files."""
        for server in self.aof, self.rdb:
            for n in range(2000):
                server.ask("SET", "last", n)
            hook = self.hook(server).ready()
            copy = f"{server.directory}/copy"
            subprocess.run(["cp", "-a", server.data, copy], check=True)
            assert hook.ends("thaw") == 0
            assert self.restored(server, copy) == "1999", "acknowledged writes are missing"
            subprocess.run(["rm", "-r", copy], check=True)

    def dump(self):
        before = int(self.rdb.ask("LASTSAVE"))
        time.sleep(1.1)
        hook = self.hook(self.rdb).ready()
        assert hook.note("mode") == "dump" and int(hook.note("last_save")) > before, hook.lines
        self.rdb.ask("SET", "a", "b")
        self.rdb.stop(signal.SIGKILL)
        self.rdb.start()
        assert hook.ends("thaw") == 0 and not hook.says("LOST"), hook.lines

    def dump_fails(self):
        name = f"{self.rdb.data}/dump.rdb"
        if os.path.exists(name):
            os.unlink(name)
        os.mkdir(name)
        try:
            hook = self.hook(self.rdb)
            assert hook.ends() == 1 and hook.says("the dump failed"), hook.lines
        finally:
            os.rmdir(name)

    def memory(self):
        hook = self.hook(self.aof).ready()
        with open(f"/proc/{hook.process.pid}/status", encoding="ascii") as status:
            locked = next(line for line in status if line.startswith("VmLck"))
        assert os.getuid() or int(locked.split()[1]) > 1000, locked
        assert hook.ends("thaw") == 0

    # ---- ends ----

    def ends_by(self, end):
        hook = self.hook(self.aof, limit=4 if end == "nothing" else 60).ready()
        if end == "killed":
            hook.signal(signal.SIGKILL)
        elif end == "stopped":
            hook.signal(signal.SIGSTOP)
        elif end == "closed":
            assert hook.closed() == 0
        else:
            assert hook.ends() == 0
        time.sleep(1)
        assert not self.writes_wait(), "writes wait"

    def server_dies(self):
        hook = self.hook(self.aof).ready()
        self.aof.stop(signal.SIGKILL)
        assert hook.ends() == 0 and hook.says("LOST"), hook.lines
        self.aof.start()

    def refusals(self):
        self.refused("REDIS_MODE is", self.aof, REDIS_MODE="fast")
        hook = self.refused("listens elsewhere", self.aof, REDIS_SOCKET="/nonexistent")
        assert "STOPPED" not in hook.lines
        self.aof.ask("CONFIG", "SET", "requirepass", "secret")
        with contextlib.closing(Client(self.aof.socket)) as client:
            client.ask("AUTH", "secret")
            try:
                self.refused("NOAUTH", self.aof)
                self.refused("AUTH", self.aof, REDISCLI_AUTH="wrong")
                assert self.hook(self.aof, REDISCLI_AUTH="secret").ready().ends("thaw") == 0
            finally:
                client.ask("CONFIG", "SET", "requirepass", "")
        self.aof.pause()
        try:
            self.refused("no answer in time", self.aof, timeout=4)
        finally:
            self.aof.resume()

    def not_running(self):
        self.aof.stop()
        self.rdb.stop()
        try:
            hook = self.refused("cannot be reached", self.aof)
            others = subprocess.run(["pgrep", "-x", "redis-server|valkey-server"], capture_output=True, check=False)
            assert (others.returncode == 0) != ("STOPPED" in hook.lines), hook.lines
        finally:
            self.aof.start()
            self.rdb.start()

    def run(self, function, *args):
        if not self.aof:
            self.begin()
        try:
            function(*args)
        finally:
            for hook in self.hooks:
                hook.kill()
            self.hooks = []
            assert within(5, lambda: not self.writes_wait(0.2)), "writes still wait"

    def add(self, tests):
        def add(what, function, *args):
            tests.add(f"{self.name}: {what}", self.run, function, *args)
        add("check reports and changes nothing", self.check)
        add("with an append-only file, writes are paused and reads are not", self.pause)
        add("what was acknowledged is in the files", self.acknowledged)
        add("without one, a dump is made", self.dump)
        add("a dump that fails", self.dump_fails)
        add("memory is locked", self.memory)
        for end in "killed", "stopped", "closed", "nothing":
            add(f"the hook's end: {end}", self.ends_by, end)
        add("the server dies", self.server_dies)
        add("what is refused", self.refusals)
        add("the server does not run", self.not_running)
