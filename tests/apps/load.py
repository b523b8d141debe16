#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""load.py mysql|postgresql SOCKET CLIENTS DIRECTORY

Writes to a database from CLIENTS connections at once, one short transaction after another, until
SIGTERM. DIRECTORY/N records what client N did, one line for each event, times in CLOCK_BOOTTIME nanoseconds:
"begin SEQ TIME" before a transaction and "ack SEQ TIME" after the answer to its commit. Transaction
SEQ of client N adds the row (N, SEQ) to table t; on MySQL and MariaDB another one then adds it to m, which need not
have transactions.
Numbers continue those of an earlier run.
"""
import os
import signal
import sys
import threading
import time
import traceback

# An emulated machine is to have time for more than this.
PAUSE_S = 0.1


def mysql(socket):
    # It can do without these over a socket; an emulated machine takes seconds to load them.
    sys.modules["ssl"] = sys.modules["cryptography"] = None
    import pymysql
    return lambda: pymysql.connect(unix_socket=socket, user="root", database="test")


def postgresql(socket):
    import psycopg2
    return lambda: psycopg2.connect(host=socket, user="postgres", dbname="postgres")


def client(connect, two_tables, number, directory, stop):
    connection = connect()
    cursor = connection.cursor()
    cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM t WHERE client = %s", (number,))
    seq = cursor.fetchone()[0]
    connection.commit()
    log = os.open(f"{directory}/{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def tell(what):
        os.write(log, f"{what} {seq} {time.clock_gettime_ns(time.CLOCK_BOOTTIME)}\n".encode())

    while not stop.is_set():
        seq += 1
        tell("begin")
        cursor.execute("INSERT INTO t (client, seq, filler) VALUES (%s, %s, %s)",
                       (number, seq, "x" * 200))
        if two_tables:
            # MySQL wants one kind of table in one transaction.
            connection.commit()
            cursor.execute("INSERT INTO m (client, seq) VALUES (%s, %s)", (number, seq))
        connection.commit()
        tell("ack")
        stop.wait(PAUSE_S)


def main():
    server, socket, clients, directory = sys.argv[1:]
    stop = threading.Event()
    failed = threading.Event()

    def run(number):
        try:
            client(connect, server == "mysql", number, directory, stop)
        except Exception:
            traceback.print_exc()
            failed.set()

    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    connect = {"mysql": mysql, "postgresql": postgresql}[server](socket)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(int(clients))]
    # Python runs the handler in this thread, which a signal to another one does not wake.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    for thread in threads:
        thread.start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    for thread in threads:
        thread.join()
    sys.exit(failed.is_set())


if __name__ == "__main__":
    main()
