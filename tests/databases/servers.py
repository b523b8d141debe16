# SPDX-License-Identifier: GPL-2.0-only
"""Real servers for tests, each in a directory of its own below /tmp: those of this machine, and those of
the trees that tools/guest/server fetches."""
import contextlib
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from hook import TOP, Skip, within

START_S = 60


def tree(name):
    """The tree of a server's packages; a Skip if it is not available."""
    result = subprocess.run([TOP / "tools/guest/server", name], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, check=False)
    if result.returncode == 3:
        raise Skip(result.stderr.strip().splitlines()[-1])
    if result.returncode:
        raise RuntimeError(result.stderr)
    return result.stdout.strip()


class Server:
    """A process, and the directory of its files."""
    names = ()

    def __init__(self, root):
        self.root = tree(root) if root else None
        self.directory = tempfile.mkdtemp(prefix="databases.", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.process = None

    def command(self, *arguments, **options):
        """As Popen(), in the server's tree if it has one."""
        if self.root:
            arguments = (TOP / "tests/lib/in-tree", self.root, *arguments)
        with open(f"{self.directory}/log", "ab") as log:
            # pylint: disable-next=consider-using-with
            return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    start_new_session=True, **options)

    def run(self, *arguments, **options):
        status = self.command(*arguments, **options).wait(120)
        if status:
            raise RuntimeError(f"{arguments[0]}: status {status}\n{self.log()}")

    def log(self):
        return pathlib.Path(self.directory, "log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def answers(self):
        raise NotImplementedError

    def start(self):
        self.launch()
        if not within(START_S, lambda: self.process.poll() is not None or self.answers()) or \
                self.process.poll() is not None:
            raise RuntimeError(f"the server does not start:\n{self.log()}")
        return self

    def launch(self):
        raise NotImplementedError

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def pause(self):
        """It is stopped when this returns."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def remove(self):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)


class Mysql(Server):
    """MySQL or MariaDB: the same protocol, and the same client library."""
    hook = "mysql.session"
    common = ("--skip-networking", "--innodb-buffer-pool-size=8M", "--server-id=1",
              "--sync-binlog=1", "--skip-name-resolve", "--performance-schema=1")

    def __init__(self, root=None, mysql=False, options=()):
        super().__init__(root)
        self.mysql = mysql
        self.data = f"{self.directory}/data"
        self.socket = f"{self.directory}/socket"
        os.mkdir(f"{self.directory}/log-bin")
        self.options = (f"--datadir={self.data}", f"--socket={self.socket}",
                        f"--pid-file={self.directory}/pid", f"--log-bin={self.directory}/log-bin/binlog",
                        "--user=root", *self.common, *options)
        if mysql:
            self.options += ("--mysqlx=OFF", "--secure-file-priv=NULL")
            self.run("mysqld", "--no-defaults", "--initialize-insecure", *self.options)
        else:
            os.mkdir(self.data)
            self.run("mariadb-install-db", "--no-defaults", "--skip-test-db", "--force",
                     "--auth-root-authentication-method=normal", *self.options)

    def launch(self):
        self.process = self.command("mysqld" if self.mysql else "mariadbd", "--no-defaults", *self.options)

    def connect(self, **options):
        import pymysql  # pylint: disable=import-outside-toplevel
        return pymysql.connect(unix_socket=self.socket, **{"user": "root", "read_timeout": 30,
                                                           "autocommit": True, **options})

    def answers(self):
        import pymysql  # pylint: disable=import-outside-toplevel
        try:
            self.connect().close()
            return True
        except pymysql.Error:
            return False

    def ask(self, *statements):
        """The rows of the last one."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def options_file(self, name="client", user="root", password=None):
        path = f"{self.directory}/{name}.cnf"
        with open(path, "w", encoding="ascii") as file:
            file.write(f"[client]\nsocket = {self.socket}\nuser = {user}\n")
            if password:
                file.write(f"password = {password}\n")
        os.chmod(path, 0o600)
        return path

    def environment(self, **more):
        return {"MYSQL_OPTIONS_FILE": self.options_file(), **more}


class Postgresql(Server):
    """Its server refuses to run as root."""
    hook = "postgresql.session"

    def __init__(self, root=None, options=(), wal=None):
        super().__init__(root)
        self.data = f"{self.directory}/data"
        found = sorted(glob.glob((self.root or "") + "/usr/lib/postgresql/*/bin"),
                       key=lambda path: int(path.split("/")[-2]))
        self.bin = found[-1][len(self.root or ""):]
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.as_user = ()
        if not os.getuid():
            self.user = "nobody"
            self.as_user = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
            os.chown(self.directory, pwd.getpwnam("nobody").pw_uid, -1)
        elif self.root:
            # Root of the tree's own user namespace is this user, whom initdb takes for root.
            self.as_user = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
        self.options = ("-D", self.data, "-k", self.directory, "-h", "", "-c", "shared_buffers=16MB",
                        "-c", "max_connections=30", *options)
        self.run(*self.as_user, f"{self.bin}/initdb", "-D", self.data, "-A", "trust", "-U", "postgres",
                 "--no-locale", "--no-sync", *(("-X", wal) if wal else ()), cwd="/tmp")

    def launch(self):
        self.process = self.command(*self.as_user, f"{self.bin}/postgres", *self.options, cwd="/tmp")

    def stop(self, number=signal.SIGINT):
        super().stop(number)

    def connect(self, **options):
        import psycopg2  # pylint: disable=import-outside-toplevel
        connection = psycopg2.connect(**{"host": self.directory, "user": "postgres", "dbname": "postgres",
                                         **options})
        connection.autocommit = True
        return connection

    def answers(self):
        import psycopg2  # pylint: disable=import-outside-toplevel
        try:
            self.connect().close()
            return True
        except psycopg2.Error:
            return False

    def ask(self, *statements):
        """The rows of the last one, if it has any."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def checkpointer(self, number):
        """Send it a signal."""
        pids = subprocess.run(["pgrep", "-P", str(self.process.pid), "-f", "checkpointer"],
                              capture_output=True, text=True, check=True).stdout.split()
        os.kill(int(pids[0]), number)

    def environment(self, **more):
        return {"PGHOST": self.directory, "PGUSER": "postgres", "POSTGRESQL_USER": self.user, **more}
