# shellcheck shell=bash disable=SC2034,SC2154 # variables for and of the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# MySQL and MariaDB servers for a test; $product says which: mariadb is this machine's, mysql and mariadb-next are
# those of tools/guest/servers. Sourced after lib.sh; templates sources it only for mysql_init.

product=${product:-mariadb}
declare -A server_of=([mysql]=mysql [mariadb-next]=mariadb)	# what tools/guest/server calls it

# As small as it goes: each file is copied with its filesystem, and an emulated machine reads it.
mysql_options=(--skip-networking --innodb-buffer-pool-size=8M --innodb-buffer-pool-dump-at-shutdown=0
	--innodb-buffer-pool-load-at-startup=0 --key-buffer-size=1M --performance-schema=0
	--innodb-use-native-aio=0 --innodb-flush-log-at-trx-commit=1 --server-id=1 --log-bin=binlog
	--sync-binlog=1 --skip-name-resolve
	--myisam-recover-options=OFF)	# which would hide what was left open
[ "$UID" != 0 ] || mysql_options+=(--user=root)
mariadb_options=(--innodb-log-file-size=4M --innodb-undo-tablespaces=0
	--innodb-temp-data-file-path=ibtmp1:5M:autoextend --aria-pagecache-buffer-size=1M
	--aria-recover-options=OFF)
mysql9_options=(--innodb-redo-log-capacity=8M --mysqlx=OFF --secure-file-priv=)

# prepare_product: how its programs are called, and with what
prepare_product() {
	in_tree=() program=mariadbd options=("${mysql_options[@]}")
	[ -z "${server_of[$product]:-}" ] || in_tree=("$top/tests/lib/in-tree" "$(<"$templates/$product.tree")")
	if [ "$product" = mysql ]; then
		program=mysqld
		options+=("${mysql9_options[@]}")
	else
		options+=("${mariadb_options[@]}")
	fi
}

# mysql_init DIRECTORY: a server's first files
mysql_init() {
	prepare_product
	if [ "$product" = mysql ]; then
		"${in_tree[@]}" mysqld --no-defaults --initialize-insecure --datadir="$1" "${options[@]}" \
			>"$scratch/init.log" 2>&1 || { cat "$scratch/init.log"; return 1; }
		return
	fi
	mkdir "$1" || return
	"${in_tree[@]}" mariadb-install-db --no-defaults --datadir="$1" --skip-test-db --force \
		--auth-root-authentication-method=normal "${options[@]}" >"$scratch/init.log" 2>&1 ||
		{ cat "$scratch/init.log" "$1"/*.err; return 1; }
}

# mysql_files DIRECTORY: the same, from the template
mysql_files() {
	mkdir "$1" && tar -C "$1" -xf "$templates/$product.tar"
}

# mysql_start DIRECTORY SOCKET: its process is $server
mysql_start() {
	prepare_product
	"${in_tree[@]}" "$program" --no-defaults --datadir="$1" --socket="$2" --pid-file="$1/pid" "${options[@]}" \
		>"$2.log" 2>&1 &
	server=$!
	servers+=("$server")
	until_up "$server" 120000 grep "ready for connections" "$2.log" || { cat "$2.log"; return 1; }
}

# mysql_login FILE SOCKET: what the hook connects with
mysql_login() {
	printf '%s\n' "[client]" "user = root" "socket = $2" >"$1"
}

# mysql_does SOCKET STATEMENTS
mysql_does() {
	mariadb --no-defaults -uroot -S "$1" -NBe "$2"
}

mysql_tables="CREATE DATABASE test; USE test;
CREATE TABLE t (client INT, seq INT, filler VARCHAR(200), PRIMARY KEY (client, seq)) ENGINE=InnoDB;
CREATE TABLE m (client INT, seq INT, PRIMARY KEY (client, seq)) ENGINE=MyISAM;"

# Every table, without mending any: a table that was not closed is a complaint, too.
mysql_is_clean() {
	local answer
	answer=$(mariadb-check --no-defaults -uroot -S "$1" --check --all-databases) || return
	! grep -vE '^[^ ]+ +OK$' <<<"$answer"
}
