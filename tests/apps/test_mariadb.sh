# SPDX-License-Identifier: GPL-2.0-only
# MariaDB: a server that starts on copies of the block devices has every transaction that was acknowledged
# before the pre-script returned, and none that began after that. Every table is closed.
# shellcheck disable=SC2154 # variables of the libraries
# shellcheck source=tests/apps/lib.sh
. ./lib.sh
# shellcheck source=tests/apps/mariadb.sh
. ./mariadb.sh
plan $((2 * (4 + rounds * 17)))

mariadb_login "$scratch/login" "$scratch/socket"
configure "[hook mysql]" "env.MYSQL_OPTIONS_FILE = $scratch/login"

# A restore: a second server on the copies. Its rows are in $scratch/rows.t and .m.
second_server() {
	mariadb_start "$scratch/$1-copy/db" "$scratch/socket2" || return
	mariadb_does "$scratch/socket2" "SELECT client, seq FROM test.t" >"$scratch/rows.t" &&
		mariadb_does "$scratch/socket2" "SELECT client, seq FROM test.m" >"$scratch/rows.m"
}

end_of_binlog() {
	local last
	last=$(find "$1" -name 'binlog.0*' | sort | tail -n 1)
	echo "${last##*/}:$(stat -c %s "$last")"
}

# round STORE TYPE: ours
round() {
	does "$2: the load goes on" load_goes_on "$scratch/said.$1"
	does "$2: pre-script" pre_script --app mysql --timeout 60s "$scratch/$1"
	does "$2: copies" take_copies "$1"
	noted=$(noted binlog)
	expect 0 "$2: post-script" post_script
	load_rests
	clean_copy "$@"
	that "$2: the binary log ends where the hook says" \
		test "$(end_of_binlog "$scratch/$1-copy/db")" = "$noted"
	does "$2: a second server" second_server "$1"
	that "$2: every table was closed and is good" mariadb_is_clean "$scratch/socket2"
	that "$2: transactions (InnoDB)" restored "$scratch/said.$1" "$scratch/rows.t" "$returned"
	that "$2: rows (MyISAM)" restored "$scratch/said.$1" "$scratch/rows.m" "$returned"
	does "$2: it goes" stop_server "$server"
	does "$2: and so do the copies" drop_copies
}

# As the sample documents do it: the client that takes the lock exits at once, and the lock with it, so
# that others write before the freeze.
sample_round() {
	mariadb_does "$scratch/socket" "FLUSH TABLES WITH READ LOCK"
	does "$2, the sample's lock: the load goes on" load_goes_on "$scratch/said.$1"
	freezectl freeze --id sample --timeout 60s "$scratch/$1" >/dev/null
	take_copies "$1"
	freezectl thaw --id sample >/dev/null
	load_rests
	does "$2, the sample's lock: a second server" eval "mount_copy $1 $2 && second_server $1"
	that "$2, the sample's lock: tables were open" eval "! mariadb_is_clean '$scratch/socket2'"
	stop_server "$server"
	does "$2, the sample's lock: the copies go" drop_copies
}

for type in ext4 xfs; do
	make_store "$type" "$type" 320
	that "$type: a server's files" mariadb_files "$scratch/$type/db"
	does "$type: a server" mariadb_start "$scratch/$type/db" "$scratch/socket"
	first=$server
	mariadb_does "$scratch/socket" "$mariadb_tables"
	does "$type: load" load_begins mariadb "$scratch/socket" "$scratch/said.$type"
	for ((n = 0; n < rounds; n++)); do
		round "$type" "$type"
		sample_round "$type" "$type"
	done
	does "$type: the load had no error" load_ends
	stop_server "$first"
	close_store "$type"
done
