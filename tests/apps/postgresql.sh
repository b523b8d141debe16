# shellcheck shell=bash disable=SC2034,SC2154 # variables for and of the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# PostgreSQL servers of a test's own. Sourced after lib.sh. They refuse to run as root.

postgresql_bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
chmod 755 "$scratch"

as_nobody=(setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/)

# postgresql_init DIRECTORY [WAL-DIRECTORY]: both on filesystems of their own
postgresql_init() {
	install -d -o nobody -m 700 "$1" ${2:+"$2"} || return
	"${as_nobody[@]}" "$postgresql_bin/initdb" -D "$1" ${2:+-X "$2"} -A trust -U postgres --no-locale --no-sync \
		--wal-segsize=4 >"$scratch/init.log" 2>&1 || { cat "$scratch/init.log"; return 1; }
}

# postgresql_start DIRECTORY SOCKET-DIRECTORY [OPTION...]: its process is $server
postgresql_start() {
	local data=$1 socket=$2
	shift 2
	install -d -o nobody "$socket"
	"${as_nobody[@]}" "$postgresql_bin/postgres" -D "$data" -k "$socket" -h '' -c shared_buffers=16MB \
		-c max_connections=30 -c max_wal_size=64MB -c wal_keep_size=128MB "$@" >"$socket.log" 2>&1 &
	server=$!
	servers+=("$server")
	until_up "$server" 90000 pg_isready -q -h "$socket" -U postgres || { cat "$socket.log"; return 1; }
}

# postgresql_does SOCKET-DIRECTORY STATEMENTS
postgresql_does() {
	psql -X -h "$1" -U postgres -v ON_ERROR_STOP=1 -qAtF ' ' -c "$2" postgres
}

postgresql_tables="CREATE TABLE t (client int, seq int, filler text, PRIMARY KEY (client, seq))"

# Heaps and B-trees, the system's too.
postgresql_is_clean() {
	"$postgresql_bin/pg_amcheck" -h "$1" -U postgres -d postgres --install-missing --heapallindexed
}
