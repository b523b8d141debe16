# SPDX-License-Identifier: GPL-2.0-only
"""The hook postgresql.session with a real server."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import psycopg2

from hook import NOT_READY, Hook, Skip, within
from servers import Postgresql

HOOK = "postgresql.session"


class PostgresqlTests:
    """A server for all tests of one version; each leaves it as it was."""

    def __init__(self, name, root=None):
        self.name, self.root = name, root
        self.server = None
        self.hooks = []
        self.keep = None

    # ---- steps ----

    def begin(self):
        self.server = Postgresql(self.root).start()
        self.server.ask("CREATE TABLE t (a serial PRIMARY KEY, b text)")
        print(f"# {self.name}: {self.server.ask('SHOW server_version')[0][0]}", flush=True)

    def end(self):
        if self.server:
            self.server.remove()

    def hook(self, mode="auto", verb="session", timeout=20, limit=60, **environment):
        environment = self.server.environment(POSTGRESQL_MODE=mode, FREEZEGUARD_KEEP=f"{self.keep}/id/pg",
                                              **environment)
        hook = Hook(HOOK, environment, verb, timeout, limit)
        self.hooks.append(hook)
        return hook

    def refused(self, text, **options):
        hook = self.hook(**options)
        assert hook.ends() == NOT_READY and hook.says(text), (text, hook.lines)
        assert "READY" not in hook.lines
        return hook

    def kept(self, name):
        path = pathlib.Path(self.keep, "id/pg", name)
        return path.read_text(encoding="ascii") if path.exists() else None

    def backends(self):
        return [row[0] for row in self.server.ask(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'freezeguard'")]

    @contextlib.contextmanager
    def other_filesystem(self):
        """A tablespace on another filesystem than the data."""
        directory = tempfile.mkdtemp(dir="/dev/shm")
        if os.stat(directory).st_dev == os.stat(self.server.data).st_dev:
            raise Skip("/dev/shm is no filesystem of its own")
        if not os.getuid():
            shutil.chown(directory, "nobody")
        try:
            self.server.ask(f"CREATE TABLESPACE x LOCATION '{directory}'")
            yield directory
            self.server.ask("DROP TABLESPACE x")
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    # ---- what a session is ----

    def check(self):
        hook = self.hook(verb="check")
        assert hook.ends() == 0 and hook.paths() == [self.server.data], hook.lines
        assert hook.note("data_directory") == self.server.data and "READY" not in hook.lines

    def checkpoint(self):
        def redo():
            return self.server.ask("SELECT redo_lsn FROM pg_control_checkpoint()")[0][0]
        before = redo()
        self.server.ask("INSERT INTO t (b) VALUES ('x')")
        hook = self.hook().ready()
        assert hook.note("mode") == "checkpoint" and hook.note("checkpoint") is None, hook.lines
        assert redo() != before, "there was no checkpoint"
        assert within(5, lambda: not self.backends()), "a session is kept for nothing"
        self.server.ask("INSERT INTO t (b) VALUES ('y')")
        assert hook.ends("thaw") == 0 and not hook.says("LOST")

    def backup(self):
        hook = self.hook("backup").ready()
        assert hook.note("mode") == "backup" and hook.note("backup_start"), hook.lines
        assert len(self.backends()) == 1
        self.server.ask("INSERT INTO t (b) VALUES ('z')")
        assert hook.ends("thaw") == 0 and not hook.says("LOST"), hook.lines
        label = self.kept("backup_label")
        assert "START WAL LOCATION" in label and "LABEL: test" in label, label
        assert self.kept("tablespace_map") is None
        path = pathlib.Path(self.keep, "id/pg/backup_label")
        assert path.stat().st_uid == os.getuid() and path.stat().st_mode & 0o777 == 0o600

    def backup_is_chosen(self):
        with self.other_filesystem() as directory:
            hook = self.hook().ready()
            assert hook.note("mode") == "backup" and directory in hook.paths(), hook.lines
            assert hook.ends("thaw") == 0
            assert directory in self.kept("tablespace_map")

    def label_of_any_id(self):
        hook = self.hook("backup", FREEZEGUARD_ID="it's 'quoted'; --").ready()
        assert hook.ends("thaw") == 0
        assert "it's 'quoted'; --" in self.kept("backup_label")

    def memory(self):
        hook = self.hook("backup").ready()
        with open(f"/proc/{hook.process.pid}/status", encoding="ascii") as status:
            locked = next(line for line in status if line.startswith("VmLck"))
        assert os.getuid() or int(locked.split()[1]) > 1000, locked
        opened = [os.readlink(f"/proc/{hook.process.pid}/fd/{fd}")
                  for fd in os.listdir(f"/proc/{hook.process.pid}/fd")]
        assert not [name for name in opened if name.startswith("/")], opened
        assert hook.ends("thaw") == 0

    def warning_at_connection(self):
        """What a server sends whose collation has changed, before the first statement."""
        version = self.server.ask("SHOW server_version_num")[0][0]
        if int(version) < 150000:
            raise Skip("it warns from PostgreSQL 15 on")
        self.server.ask("UPDATE pg_database SET datcollversion = '0' WHERE datname = 'postgres'",
                        "UPDATE pg_database SET datlocprovider = 'c', datcollate = 'C.UTF-8', "
                        "datctype = 'C.UTF-8' WHERE datname = 'postgres'")
        answer = subprocess.run(["psql", "-h", self.server.directory, "-U", "postgres", "-c", ""],
                                capture_output=True, text=True, check=True).stderr
        assert "collation version" in answer, f"the server does not warn: {answer}"
        hook = self.hook("backup").ready()
        assert hook.ends("thaw") == 0 and not hook.says("LOST") and not hook.says("WARNING"), hook.lines
        assert self.kept("backup_label")

    def home(self):
        """.pgpass of the user that it steps down to; a password is wanted."""
        user_home = os.path.expanduser("~" + self.server.user)
        hook = self.hook("checkpoint").ready()
        with open(f"/proc/{hook.process.pid}/status", encoding="ascii") as status:
            uid = next(line.split()[2] for line in status if line.startswith("Uid"))
        assert int(uid) == __import__("pwd").getpwnam(self.server.user).pw_uid, uid
        assert user_home and hook.ends("thaw") == 0
        self.refused("there is no user", POSTGRESQL_USER="nobody-of-that-name")

    # ---- what is in the way ----

    def slow_checkpoint(self):
        """It is no failure; only a backup that was asked for cannot do without."""
        self.server.checkpointer(signal.SIGSTOP)
        try:
            hook = self.hook(timeout=4).ready()
            assert hook.note("checkpoint") == "timeout" and hook.note("mode") == "checkpoint", hook.lines
            assert hook.ends("thaw") == 0 and not hook.says("LOST")
            with self.other_filesystem():
                hook = self.hook(timeout=4).ready()
                assert hook.note("checkpoint") == "timeout" and hook.note("mode") == "checkpoint", hook.lines
                assert hook.ends("thaw") == 0
                self.refused("takes longer", mode="backup", timeout=4)
                self.server.checkpointer(signal.SIGCONT)
        finally:
            self.server.checkpointer(signal.SIGCONT)
        assert within(20, lambda: not self.backends()), "a session is left"

    def long_select(self):
        with contextlib.closing(self.server.connect()) as connection:
            def run():
                with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(60), count(*) FROM t")
            thread = threading.Thread(target=run)
            thread.start()
            hook = self.hook("backup").ready()
            self.server.ask("INSERT INTO t (b) VALUES ('w')")
            assert hook.ends("thaw") == 0
            connection.cancel()
            thread.join()

    def errors(self):
        self.refused("POSTGRESQL_MODE is", mode="fast")
        self.server.ask("CREATE ROLE weak LOGIN")
        hook = self.refused("data_directory", PGUSER="weak")
        assert hook.says("permission denied") or hook.says("superuser"), hook.lines
        self.server.ask("GRANT pg_read_all_settings TO weak")
        hook = self.hook("checkpoint", PGUSER="weak")
        assert hook.ends() == 1 and hook.says("CHECKPOINT: "), hook.lines
        self.server.ask("DROP ROLE weak")
        hook = self.refused("refuses the connection", PGDATABASE="nowhere")
        assert "STOPPED" not in hook.lines

    # ---- the hook's end ----

    def ends_by(self, end):
        hook = self.hook("backup", limit=6 if end in ("nothing", "stopped") else 60).ready()
        if end == "killed":
            hook.signal(signal.SIGKILL)
        elif end == "closed":
            assert hook.closed() == 0
        elif end == "nothing":
            assert hook.ends() == 0
        else:
            hook.signal(signal.SIGSTOP)
            self.server.ask("SELECT pg_sleep(6)")
        assert within(3, lambda: not self.backends()), "the server keeps the session"
        assert self.kept("backup_label") is None
        if end == "stopped":
            hook.signal(signal.SIGCONT)
            assert hook.ends() == 0

    # ---- the server's end ----

    def session_is_ended(self):
        hook = self.hook("backup").ready()
        self.server.ask(f"SELECT pg_terminate_backend({self.backends()[0]})")
        assert hook.ends() == 0 and hook.says("LOST"), hook.lines

    def nothing_is_lost(self):
        """With nothing held, the end of idle sessions, or of the server, is no loss."""
        hook = self.hook("checkpoint").ready()
        self.server.stop(signal.SIGQUIT)
        try:
            time.sleep(0.5)
            assert hook.ends("thaw") == 0 and not hook.says("LOST"), hook.lines
        finally:
            self.server.start()

    def server_dies(self):
        hook = self.hook("backup").ready()
        self.server.stop(signal.SIGQUIT)
        try:
            assert hook.ends() == 0 and hook.says("LOST"), hook.lines
        finally:
            self.server.start()

    def server_hangs(self):
        hook = self.hook("backup", timeout=5).ready()
        backend = self.backends()[0]
        os.kill(backend, signal.SIGSTOP)
        try:
            assert hook.ends("thaw") == 1 and hook.says("no answer in time"), hook.lines
        finally:
            os.kill(backend, signal.SIGCONT)

    def not_running(self):
        hook = self.refused("listens elsewhere", PGHOST="/nonexistent", verb="check")
        assert "STOPPED" not in hook.lines
        self.server.stop()
        try:
            for verb in "check", "session":
                hook = self.refused("cannot be reached", verb=verb)
                others = subprocess.run(["pgrep", "-x", "postgres"], capture_output=True, check=False)
                assert (others.returncode == 0) != ("STOPPED" in hook.lines), hook.lines
        finally:
            self.server.start()

    # ---- all of them ----

    def run(self, function, *args):
        if not self.server:
            self.begin()
        self.keep = tempfile.mkdtemp()
        try:
            function(*args)
        finally:
            for hook in self.hooks:
                hook.kill()
            self.hooks = []
            shutil.rmtree(self.keep)

    def add(self, tests):
        def add(what, function, *args):
            tests.add(f"{self.name}: {what}", self.run, function, *args)
        add("check reports and changes nothing", self.check)
        add("a checkpoint, and no session", self.checkpoint)
        add("a backup, and its label", self.backup)
        add("a backup is chosen for several filesystems", self.backup_is_chosen)
        add("a label of any id", self.label_of_any_id)
        add("memory is locked, and no file is open", self.memory)
        add("the user that it steps down to", self.home)
        add("a slow checkpoint", self.slow_checkpoint)
        add("a long SELECT", self.long_select)
        add("what is refused", self.errors)
        for end in "killed", "closed", "nothing", "stopped":
            add(f"the hook's end: {end}", self.ends_by, end)
        add("an administrator ends its session", self.session_is_ended)
        add("nothing is lost that was not held", self.nothing_is_lost)
        add("the server dies", self.server_dies)
        add("the server hangs", self.server_hangs)
        add("the server does not run, or listens elsewhere", self.not_running)
        add("a warning at connection time", self.warning_at_connection)
