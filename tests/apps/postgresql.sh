# shellcheck shell=bash disable=SC2034,SC2154 # variables for and of the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# PostgreSQL servers for a test; $product says which: postgresql is this machine's, postgresql-next that of
# tools/guest/servers. Sourced after lib.sh; templates sources it only for postgresql_init. The servers refuse to
# run as root.

chmod 755 "$scratch"

# prepare_postgresql: where its programs are, and how they are called
prepare_postgresql() {
	local tree=
	pg_tree=()
	if [ "${product:-}" = postgresql-next ]; then
		tree=$(<"$templates/$product.tree")
		pg_tree=("$top/tests/lib/in-tree" "$tree")
	fi
	postgresql_bin=$(printf '%s\n' "$tree"/usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	postgresql_bin=${postgresql_bin#"$tree"}
}
prepare_postgresql

as_nobody=(env HOME=/)
if [ "$UID" = 0 ]; then
	as_nobody=(setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/)
elif [ ${#pg_tree[@]} -gt 0 ]; then
	# In its tree this user is root, whom initdb refuses.
	as_nobody=(unshare --user --map-user=65534 --map-group=65534 env HOME=/)
fi

# postgresql_init DIRECTORY: a server's first files
postgresql_init() {
	mkdir -m 700 "$1" || return
	[ "$UID" != 0 ] || chown nobody:nogroup "$1" || return
	"${pg_tree[@]}" "${as_nobody[@]}" "$postgresql_bin/initdb" -D "$1" -A trust -U postgres --no-locale --no-sync \
		--wal-segsize=4 >"$scratch/init.log" 2>&1 || { cat "$scratch/init.log"; return 1; }
}

# postgresql_files DIRECTORY [WAL-DIRECTORY]: the same, from the template; both on filesystems of their own
postgresql_files() {
	mkdir "$1" && tar -C "$1" -xf "$templates/${product:-postgresql}.tar" || return
	[ $# -eq 1 ] || { cp -a "$1/pg_wal" "$2" && rm -r "$1/pg_wal" && ln -s "$2" "$1/pg_wal"; }
}

# postgresql_start DIRECTORY SOCKET-DIRECTORY [OPTION...]: its process is $server
postgresql_start() {
	local data=$1 socket=$2
	shift 2
	install -d -o nobody "$socket"
	"${pg_tree[@]}" "${as_nobody[@]}" "$postgresql_bin/postgres" -D "$data" -k "$socket" -h '' -c shared_buffers=16MB \
		-c max_connections=30 -c max_wal_size=64MB -c wal_keep_size=128MB -c autovacuum=off \
		-c max_logical_replication_workers=0 -c recovery_init_sync_method=syncfs "$@" >"$socket.log" 2>&1 &
	server=$!
	servers+=("$server")
	until_up "$server" 90000 grep "ready to accept connections" "$socket.log" || { cat "$socket.log"; return 1; }
}

# postgresql_does SOCKET-DIRECTORY STATEMENTS
postgresql_does() {
	psql -X -h "$1" -U postgres -v ON_ERROR_STOP=1 -qAtF ' ' -c "$2" postgres
}

postgresql_tables="CREATE TABLE t (client int, seq int, filler text, PRIMARY KEY (client, seq))"

# Heaps and B-trees, the system's too.
postgresql_is_clean() {
	"${pg_tree[@]}" "$postgresql_bin/pg_amcheck" -h "$1" -U postgres -d postgres --install-missing --heapallindexed
}
