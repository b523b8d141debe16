# shellcheck shell=bash disable=SC2034,SC2154 # variables for and of the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# MariaDB servers for a test. Sourced after lib.sh; templates sources it only for mariadb_init.

# As small as it goes: each file is copied with its filesystem, and an emulated machine reads it.
mariadb_options=(--skip-networking --innodb-log-file-size=4M --innodb-buffer-pool-size=8M
	--innodb-undo-tablespaces=0 --innodb-temp-data-file-path=ibtmp1:5M:autoextend
	--innodb-buffer-pool-dump-at-shutdown=0 --innodb-buffer-pool-load-at-startup=0
	--key-buffer-size=1M --aria-pagecache-buffer-size=1M --performance-schema=0
	--innodb-use-native-aio=0 --innodb-flush-log-at-trx-commit=1 --server-id=1 --log-bin=binlog
	--sync-binlog=1 --skip-name-resolve
	--myisam-recover-options=OFF --aria-recover-options=OFF)	# which would hide what was left open
[ "$UID" != 0 ] || mariadb_options+=(--user=root)

# mariadb_init DIRECTORY: a server's first files
mariadb_init() {
	mkdir "$1" || return
	mariadb-install-db --no-defaults --datadir="$1" --skip-test-db \
		--auth-root-authentication-method=normal "${mariadb_options[@]}" >"$scratch/init.log" 2>&1 ||
		{ cat "$scratch/init.log" "$1"/*.err; return 1; }
}

# mariadb_files DIRECTORY: the same, from the template
mariadb_files() {
	mkdir "$1" && tar -C "$1" -xf "$templates/mariadb.tar"
}

# mariadb_start DIRECTORY SOCKET: its process is $server
mariadb_start() {
	mariadbd --no-defaults --datadir="$1" --socket="$2" --pid-file="$1/pid" "${mariadb_options[@]}" \
		>"$2.log" 2>&1 &
	server=$!
	servers+=("$server")
	until_up "$server" 60000 grep "ready for connections" "$2.log" || { cat "$2.log"; return 1; }
}

# mariadb_login FILE SOCKET: what the hook connects with
mariadb_login() {
	printf '%s\n' "[client]" "user = root" "socket = $2" >"$1"
}

# mariadb_does SOCKET STATEMENTS
mariadb_does() {
	mariadb --no-defaults -uroot -S "$1" -NBe "$2"
}

mariadb_tables="CREATE DATABASE test; USE test;
CREATE TABLE t (client INT, seq INT, filler VARCHAR(200), PRIMARY KEY (client, seq)) ENGINE=InnoDB;
CREATE TABLE m (client INT, seq INT, PRIMARY KEY (client, seq)) ENGINE=MyISAM;"

# Every table, without mending any: a table that was not closed is a complaint, too.
mariadb_is_clean() {
	local answer
	answer=$(mariadb-check --no-defaults -uroot -S "$1" --check --all-databases) || return
	! grep -vE '^[^ ]+ +OK$' <<<"$answer"
}
