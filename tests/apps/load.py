#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""load.py mariadb|postgresql SOCKET CLIENTS DIRECTORY

Writes to a database from CLIENTS connections at once, one short transaction after another, until
SIGTERM. DIRECTORY/N tells what client N did, a line an event, times in CLOCK_BOOTTIME nanoseconds:
"begin SEQ TIME" before a transaction and "ack SEQ TIME" when its commit had been answered. Transaction
SEQ of client N adds the row (N, SEQ) to table t, on MariaDB also to m, which is MyISAM.
Numbers go on where an earlier run left them.
"""
import multiprocessing
import os
import signal
import sys
import time

# An emulated machine is to have time for more than this.
PAUSE_S = 0.05


def mariadb(socket):
    import pymysql
    return lambda: pymysql.connect(unix_socket=socket, user="root", database="test")


def postgresql(socket):
    import psycopg2
    return lambda: psycopg2.connect(host=socket, user="postgres", dbname="postgres")


def client(connect, myisam, number, directory, stop):
    connection = connect()
    cursor = connection.cursor()
    cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM t WHERE client = %s", (number,))
    seq = cursor.fetchone()[0]
    connection.commit()
    log = os.open(f"{directory}/{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def tell(what):
        os.write(log, f"{what} {seq} {time.clock_gettime_ns(time.CLOCK_BOOTTIME)}\n".encode())

    while not stop.value:
        seq += 1
        tell("begin")
        cursor.execute("INSERT INTO t (client, seq, filler) VALUES (%s, %s, %s)",
                       (number, seq, "x" * 200))
        if myisam:
            cursor.execute("INSERT INTO m (client, seq) VALUES (%s, %s)", (number, seq))
        connection.commit()
        tell("ack")
        time.sleep(PAUSE_S)


def main():
    server, socket, clients, directory = sys.argv[1:]
    stop = multiprocessing.RawValue("b", 0)

    def end(*_):
        stop.value = 1

    signal.signal(signal.SIGTERM, end)
    connect = {"mariadb": mariadb, "postgresql": postgresql}[server](socket)
    workers = [multiprocessing.Process(target=client,
                                       args=(connect, server == "mariadb", n, directory, stop))
               for n in range(int(clients))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(any(worker.exitcode for worker in workers))


if __name__ == "__main__":
    main()
