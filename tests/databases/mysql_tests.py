# SPDX-License-Identifier: GPL-2.0-only
"""The hook mysql.session with a real server: what it holds, and that nothing is held when it is gone."""
import contextlib
import os
import signal
import subprocess
import threading
import time

import pymysql

from hook import NOT_READY, Hook, Skip, within
from servers import Mysql

HOOK = "mysql.session"


class MysqlTests:
    """A server for all tests of one product; each leaves it as it was."""

    def __init__(self, name, root=None, mysql=False):
        self.name, self.root, self.mysql = name, root, mysql
        self.server = None
        self.hooks = []
        self.best = "instance" if mysql else "stage"

    # ---- steps ----

    def begin(self):
        self.server = Mysql(self.root, self.mysql).start()
        self.server.ask("CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY) ENGINE=InnoDB",
                        "CREATE TABLE d.u (a INT) ENGINE=InnoDB", "INSERT INTO d.t VALUES (0)")
        print(f"# {self.name}: {self.server.ask('SELECT VERSION()')[0][0]}", flush=True)

    def end(self):
        if self.server:
            self.server.remove()

    def hook(self, mode="auto", verb="session", timeout=5, limit=60, **environment):
        hook = Hook(HOOK, self.server.environment(MYSQL_MODE=mode, **environment), verb, timeout, limit)
        self.hooks.append(hook)
        return hook

    def refused(self, text, **options):
        hook = self.hook(**options)
        assert hook.ends() == NOT_READY and hook.says(text), (text, hook.lines)
        assert "READY" not in hook.lines
        return hook

    @contextlib.contextmanager
    def running(self, *statements):
        """They run in a session of their own, which is ended after the test; its id, and its thread."""
        connection = self.server.connect(read_timeout=60)

        def run():
            with contextlib.suppress(pymysql.Error), connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield connection.thread_id(), thread
        finally:
            if thread.is_alive():
                self.server.ask(f"KILL {connection.thread_id()}")
            thread.join()
            connection.close()

    def blocked(self, *statements):
        """Whether these statements have to wait for a lock. How long a disk takes does not matter."""
        waited = 0
        with contextlib.closing(self.server.connect()) as observer, observer.cursor() as cursor, \
                self.running(*statements) as (number, thread):
            while thread.is_alive() and waited < 20:
                cursor.execute("SHOW PROCESSLIST")
                waited += any(row[0] == number and (row[6] or "").startswith("Waiting for")
                              for row in cursor.fetchall())
                time.sleep(0.02)
        return waited >= 2

    def next_row(self):
        return self.server.ask("SELECT MAX(a) + 1 FROM d.t")[0][0]

    def writes_wait(self):
        return self.blocked(f"INSERT INTO d.t VALUES ({self.next_row()})")

    def nothing_waits(self, begun):
        """A second after that, no table is blocked: neither its rows, nor its definition."""
        time.sleep(max(0, begun + 1 - time.monotonic()))
        assert not self.writes_wait(), "writes wait"
        assert not self.blocked("ALTER TABLE d.t COMMENT = 'x'"), "changes of a definition wait"

    @contextlib.contextmanager
    def long_select(self):
        """A statement that has had the table open for two seconds when the test begins."""
        # What it says must not be taken for a line of the hook's.
        with self.running("SELECT SLEEP(60) AS\nREADY\nFROM d.t LIMIT 1") as (number, _):
            time.sleep(2.2)
            yield number

    @contextlib.contextmanager
    def session(self, *statements):
        connection = self.server.connect()
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        try:
            yield connection
        finally:
            connection.close()

    # ---- what a session is ----

    def check(self):
        hook = self.hook(verb="check")
        assert hook.ends() == 0, hook.lines
        assert hook.paths() == [self.server.data, f"{self.server.directory}/log-bin"], hook.lines
        assert "READY" not in hook.lines

    def held(self, mode, commits, tables):
        """commits: that they wait; tables: that changes of their definition do."""
        hook = self.hook(mode).ready()
        assert hook.note("mode") == mode
        assert self.writes_wait() == commits, f"writes wait: {not commits}"
        assert self.blocked("ALTER TABLE d.t COMMENT = 'y'") == tables, f"ALTER TABLE waits: {not tables}"
        begun = time.monotonic()
        assert hook.ends("thaw") == 0 and not hook.says("LOST"), hook.lines
        self.nothing_waits(begun)

    def auto(self):
        hook = self.hook().ready()
        assert hook.note("mode") == self.best
        assert hook.ends("thaw") == 0

    def auto_with_myisam(self):
        self.server.ask("CREATE TABLE d.m (a INT) ENGINE=MyISAM")
        try:
            hook = self.hook().ready()
            assert hook.note("mode") == ("ftwrl" if self.mysql else "stage"), hook.lines
            assert hook.ends("thaw") == 0
        finally:
            self.server.ask("DROP TABLE d.m")

    def acknowledged(self):
        """What was acknowledged before READY is on the disk, though the server only writes once a second."""
        self.server.ask("SET GLOBAL innodb_flush_log_at_trx_commit = 0", "SET GLOBAL sync_binlog = 0")
        for _ in range(5):
            last = self.next_row()
            self.server.ask(f"INSERT INTO d.t VALUES ({last})")
            hook = self.hook().ready()
            self.server.stop(signal.SIGKILL)
            hook.ends()
            self.server.start()
            assert self.next_row() == last + 1, "an acknowledged row is missing"
            self.server.ask("SET GLOBAL innodb_flush_log_at_trx_commit = 0", "SET GLOBAL sync_binlog = 0")
        self.server.ask("SET GLOBAL innodb_flush_log_at_trx_commit = 1", "SET GLOBAL sync_binlog = 1")

    def position(self):
        row = self.server.ask("SHOW BINARY LOG STATUS" if self.mysql else "SHOW MASTER STATUS")[0]
        hook = self.hook("ftwrl").ready()
        assert hook.note("binlog") == f"{row[0]}:{row[1]}", (hook.lines, row)
        gtid = self.server.ask("SELECT @@GLOBAL.gtid_executed" if self.mysql else
                               "SELECT @@GLOBAL.gtid_binlog_pos")[0][0].replace("\n", "")
        assert (hook.note("gtid") or "") == gtid, (hook.lines, gtid)
        assert hook.ends("thaw") == 0

    def other_modes(self):
        self.refused("MYSQL_MODE", mode="stage" if self.mysql else "instance")
        self.refused("MYSQL_MODE is auto", mode="fast")

    def memory(self):
        """Locked, with nothing open but the pipes and the connection."""
        hook = self.hook().ready()
        with open(f"/proc/{hook.process.pid}/status", encoding="ascii") as status:
            locked = next(line for line in status if line.startswith("VmLck"))
        assert os.getuid() or int(locked.split()[1]) > 1000, locked
        opened = [os.readlink(f"/proc/{hook.process.pid}/fd/{fd}")
                  for fd in os.listdir(f"/proc/{hook.process.pid}/fd")]
        assert not [name for name in opened if name.startswith("/")], opened
        assert sum(name.startswith("socket:") for name in opened) == 1, opened
        assert hook.ends("thaw") == 0

    # ---- what is in the way ----

    def long_statement(self):
        """With a lock that closes tables it is refused, with the others it does not matter."""
        with self.long_select() as number:
            hook = self.hook(self.best, MYSQL_LOCK_SECONDS="60", timeout=60).ready()
            assert time.monotonic() - hook.begun < 30, "it waited"
            assert hook.ends("thaw") == 0
            if not self.mysql:
                assert self.hook("ftwrl").ready().ends("thaw") == 0
                return
            for verb in "check", "session":
                hook = self.refused(f"session {number} of root", mode="ftwrl", verb=verb)
                assert hook.says("SELECT SLEEP(60) AS READY FROM"), hook.lines
                self.nothing_waits_for(number)

    def nothing_waits_for(self, number):
        """No statement waits for what the refused lock may have left."""
        time.sleep(1)
        assert not self.blocked("SELECT COUNT(*) FROM d.t"), "readers of its table wait"
        assert not self.writes_wait(), "writers of its table wait"
        assert number in [row[0] for row in self.server.ask("SHOW PROCESSLIST")]

    def locked_by_others(self):
        """No lock: a second later nothing is blocked but by those who had the table before."""
        with self.session("LOCK TABLES d.t READ") as other:
            number = other.thread_id()
            if self.mysql:
                self.refused(f"session {number} of root keeps table d.t open", mode="ftwrl")
                assert not self.blocked("SELECT COUNT(*) FROM d.t"), "readers wait"
            else:
                assert self.hook("ftwrl").ready().ends("thaw") == 0
        with self.session("LOCK TABLES d.t WRITE"):
            hook = self.refused("d.t" if self.mysql else "no lock within", mode="ftwrl",
                                MYSQL_LOCK_SECONDS="2")
            begun = time.monotonic()
            assert self.mysql or hook.says("running:")
        self.nothing_waits(begun)

    def ddl_in_the_way(self):
        """Another backup, or on MySQL, where several may hold their lock, a statement that makes a table."""
        if self.mysql:
            with self.running("CREATE TABLE d.x AS SELECT SLEEP(60) AS a") as (number, _):
                assert within(10, lambda: self.somebody_runs("CREATE TABLE d.x"))
                hook = self.refused("no lock within", mode="instance", MYSQL_LOCK_SECONDS="2")
                assert hook.says(f"session {number} of root"), hook.lines
        else:
            with self.session("BACKUP STAGE START"):
                self.refused("no lock within", mode="stage", MYSQL_LOCK_SECONDS="2")
        self.nothing_waits(time.monotonic())

    # ---- the hook's end ----

    def killed(self, mode):
        hook = self.hook(mode).ready()
        begun = time.monotonic()
        hook.signal(signal.SIGKILL)
        self.nothing_waits(begun)

    def killed_while_it_waits(self, number=signal.SIGKILL):
        # MYSQL_LONG_SECONDS: it is younger than what the hook looks for.
        with self.running("LOCK TABLES d.t WRITE", "SELECT SLEEP(60) FROM d.t LIMIT 1"):
            hook = self.hook("ftwrl", MYSQL_LOCK_SECONDS="30", MYSQL_LONG_SECONDS="100", timeout=30)
            assert within(10, lambda: self.somebody_runs("FLUSH TABLES")), hook.lines
            hook.signal(number)
            begun = time.monotonic()
            time.sleep(max(0, begun + 1 - time.monotonic()))
            assert not self.blocked("INSERT INTO d.u VALUES (1)"), "writes to another table wait"
        self.nothing_waits(begun)

    def somebody_runs(self, what):
        return any((row[7] or "").startswith(what) for row in self.server.ask("SHOW FULL PROCESSLIST"))

    def supervisor_dies(self):
        hook = self.hook("ftwrl").ready()
        begun = time.monotonic()
        assert hook.closed() == 0
        self.nothing_waits(begun)

    def nothing_comes(self):
        hook = self.hook("ftwrl", limit=6).ready()
        assert self.writes_wait()
        assert hook.ends(seconds=10) == 0
        assert time.monotonic() - hook.begun > 5
        self.nothing_waits(time.monotonic())

    def stopped(self):
        """The server's own limit."""
        hook = self.hook("ftwrl", limit=6).ready()
        hook.signal(signal.SIGSTOP)
        assert self.writes_wait()
        time.sleep(max(0, hook.begun + 6.5 - time.monotonic()))
        self.nothing_waits(time.monotonic())
        hook.signal(signal.SIGCONT)
        assert hook.ends() == 0

    # ---- the server's end ----

    def session_is_killed(self):
        hook = self.hook().ready()
        own = [row[0] for row in self.server.ask("SHOW PROCESSLIST")
               if row[4] == "Sleep" and row[1] == "root"]
        for number in own:
            self.server.ask(f"KILL {number}")
        assert hook.ends() == 0 and hook.says("LOST the server ended"), hook.lines

    def server_dies(self, late=False):
        hook = self.hook().ready()
        if late:
            hook.signal(signal.SIGSTOP)
        self.server.stop(signal.SIGKILL)
        if late:
            hook.process.stdin.write("thaw\n")
            hook.process.stdin.flush()
            hook.signal(signal.SIGCONT)
        assert hook.ends() == 0 and hook.says("LOST the server ended"), hook.lines
        self.server.start()

    def server_hangs(self):
        """No answer to the release is no loss: it may still be held."""
        hook = self.hook("ftwrl", timeout=3).ready()
        self.server.pause()
        try:
            assert hook.ends("thaw") == 1 and hook.says("no answer in time"), hook.lines
            assert not hook.says("LOST")
            self.refused("the server does not answer", timeout=6)
        finally:
            self.server.resume()

    def not_running(self):
        """It listens elsewhere: not stopped. It does not run, nor does any other: stopped."""
        other = self.server.options_file("elsewhere")
        with open(other, "a", encoding="ascii") as file:
            file.write("socket = /nonexistent/socket\n")
        hook = self.refused("listens elsewhere", MYSQL_OPTIONS_FILE=other, verb="check")
        assert "STOPPED" not in hook.lines
        self.refused("cannot be read", MYSQL_OPTIONS_FILE="/nonexistent")
        self.server.stop()
        try:
            for verb in "check", "session":
                hook = self.refused("cannot be reached", verb=verb)
                others = subprocess.run(["pgrep", "-x", "mysqld|mariadbd"], capture_output=True, check=False)
                assert (others.returncode == 0) != ("STOPPED" in hook.lines), hook.lines
        finally:
            self.server.start()

    def accounts(self):
        """A password from an options file; one that is wrong; an account that sees too little."""
        self.server.ask("CREATE USER b@localhost IDENTIFIED BY 'pass word'",
                        "GRANT RELOAD, PROCESS, REPLICATION CLIENT, SELECT ON *.* TO b@localhost")
        if self.mysql:
            self.server.ask("GRANT BACKUP_ADMIN ON *.* TO b@localhost")
        good = self.server.options_file("b", "b", "'pass word'")
        hook = self.hook(MYSQL_OPTIONS_FILE=good).ready()
        assert hook.note("mode") == self.best
        assert hook.ends("thaw") == 0
        wrong = self.server.options_file("wrong", "b", "wrong")
        hook = self.refused("Access denied", MYSQL_OPTIONS_FILE=wrong)
        assert "STOPPED" not in hook.lines
        self.server.ask("REVOKE SELECT ON *.* FROM b@localhost")
        hook = self.hook(MYSQL_OPTIONS_FILE=good).ready()
        assert hook.note("mode") == ("ftwrl" if self.mysql else "stage"), hook.lines
        assert hook.ends("thaw") == 0
        self.server.ask("REVOKE RELOAD ON *.* FROM b@localhost")
        self.refused("enied", MYSQL_OPTIONS_FILE=good, mode="ftwrl")
        self.server.ask("REVOKE REPLICATION CLIENT ON *.* FROM b@localhost")
        self.refused("enied", MYSQL_OPTIONS_FILE=good, verb="check")
        self.server.ask("DROP USER b@localhost")

    def read_only(self):
        """As a replica is."""
        self.server.ask("SET GLOBAL super_read_only = 1" if self.mysql else "SET GLOBAL read_only = 1")
        try:
            for mode in self.best, "ftwrl":
                hook = self.hook(mode).ready()
                assert hook.ends("thaw") == 0 and not hook.says("LOST"), hook.lines
        finally:
            self.server.ask("SET GLOBAL read_only = 0")

    def paths(self):
        """A table's files on another filesystem."""
        directory = "/dev/shm/" + os.path.basename(self.server.directory)
        if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(self.server.data).st_dev:
            raise Skip("/dev/shm is no filesystem of its own")
        os.mkdir(directory)
        try:
            if self.mysql:
                self.server.stop()
                self.server.options += (f"--innodb-directories={directory}",)
                self.server.start()
            self.server.ask(f"CREATE TABLE d.elsewhere (a INT) DATA DIRECTORY = '{directory}'")
            hook = self.hook(verb="check")
            assert hook.ends() == 0 and any(path.startswith(directory) for path in hook.paths()), hook.lines
            self.server.ask("DROP TABLE d.elsewhere")
        finally:
            subprocess.run(["rm", "-rf", directory], check=False)

    # ---- all of them ----

    def run(self, function, *args):
        if not self.server:
            self.begin()
        try:
            function(*args)
        finally:
            for hook in self.hooks:
                hook.kill()
            self.hooks = []

    def add(self, tests):
        def add(what, function, *args):
            tests.add(f"{self.name}: {what}", self.run, function, *args)
        best = self.best
        add("check reports and changes nothing", self.check)
        add(f"mode {best} is chosen", self.auto)
        add(f"mode {best} holds what it says", self.held, best, not self.mysql, True)
        add("mode ftwrl holds what it says", self.held, "ftwrl", True, True)
        add("the binary log's position and the GTID", self.position)
        if self.mysql:
            add("what was acknowledged is on the disk", self.acknowledged)
        add("a table without transactions changes the choice on MySQL", self.auto_with_myisam)
        add("a mode that it does not have is refused", self.other_modes)
        add("memory is locked, and no file is open", self.memory)
        add("a long SELECT", self.long_statement)
        add("a table that others have locked", self.locked_by_others)
        add("another backup, or a change, is under way", self.ddl_in_the_way)
        add(f"the hook is killed, mode {best}", self.killed, best)
        add("the hook is killed, mode ftwrl", self.killed, "ftwrl")
        add("the hook is killed while it waits for its lock", self.killed_while_it_waits)
        add("the hook is ended while it waits for its lock", self.killed_while_it_waits, signal.SIGTERM)
        add("the supervisor dies", self.supervisor_dies)
        add("neither line nor end comes", self.nothing_comes)
        add("the hook is stopped: the server's own limit", self.stopped)
        add("an administrator kills its session", self.session_is_killed)
        add("the server dies", self.server_dies)
        add("the server dies as the line comes", self.server_dies, True)
        add("the server hangs", self.server_hangs)
        add("the server does not run, or listens elsewhere", self.not_running)
        add("accounts", self.accounts)
        add("a server that is read-only", self.read_only)
        add("files on another filesystem", self.paths)
