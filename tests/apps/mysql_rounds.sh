# shellcheck shell=bash disable=SC2034,SC2154 # variables of and for the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# MySQL and MariaDB: a server that starts on copies of the block devices has every transaction that was
# acknowledged before the pre-script returned, and none that began after that. Sourced by a test file that has set
# $product.
# shellcheck source=tests/apps/lib.sh
. ./lib.sh
# shellcheck source=tests/apps/mysql.sh
. ./mysql.sh
need "$product"

mysql_login "$scratch/login" "$scratch/socket"
configure "[hook mysql]" "env.MYSQL_OPTIONS_FILE = $scratch/login"

# A restore: a second server on the copies. Its rows are in $scratch/rows.t and .m.
second_server() {
	mysql_start "$scratch/$1-copy/db" "$scratch/socket2" || return
	mysql_does "$scratch/socket2" "SELECT client, seq FROM test.t" >"$scratch/rows.t" &&
		mysql_does "$scratch/socket2" "SELECT client, seq FROM test.m" >"$scratch/rows.m"
}

# ends_at DIRECTORY MODE: the copy's binary log ends where the hook says; with mode instance, there or later
ends_at() {
	local end said key=binlog
	[ "$2" != instance ] || key=binlog_before
	end=$(end_of_binlog "$1") said=$(noted $key)
	echo "it ends at $end, and the hook says $said"
	[ "$2" = instance ] || { test "$end" = "$said"; return; }
	[ "${end%:*}" = "${said%:*}" ] && [ "${end#*:}" -ge "${said#*:}" ]
}

end_of_binlog() {
	local last
	last=$(find "$1" -name 'binlog.[0-9]*[0-9]' | sort | tail -n 1)
	echo "${last##*/}:$(stat -c %s "$last")"
}

# round STORE TYPE MODE: ours
round() {
	does "$2: the load goes on" load_goes_on "$scratch/said.$1"
	does "$2: pre-script" pre_script --app mysql --timeout 60s "$scratch/$1"
	does "$2: copies" take_copies "$1"
	that "$2: the mode is $3" test "$(noted mode)" = "$3"
	expect 0 "$2: post-script" post_script
	load_rests
	clean_copy "$1" "$2"
	that "$2: the binary log ends where the hook says" ends_at "$scratch/$1-copy/db" "$3"
	does "$2: a second server" second_server "$1"
	that "$2: every table was closed and is good" mysql_is_clean "$scratch/socket2"
	that "$2: rows of one table" restored "$scratch/said.$1" "$scratch/rows.t" "$returned"
	that "$2: rows of the other table" restored "$scratch/said.$1" "$scratch/rows.m" "$returned"
	does "$2: it goes" stop_server "$server"
	does "$2: and so do the copies" drop_copies
}

# As the sample documents do it: the client that takes the lock exits at once, and the lock with it, so
# that others write before the freeze.
sample_round() {
	mysql_does "$scratch/socket" "FLUSH TABLES WITH READ LOCK"
	does "$2, the sample's lock: the load goes on" load_goes_on "$scratch/said.$1"
	freezectl freeze --id sample --timeout 60s "$scratch/$1" >/dev/null
	take_copies "$1"
	freezectl thaw --id sample >/dev/null
	load_rests
	does "$2, the sample's lock: a second server" eval "mount_copy $1 $2 && second_server $1"
	that "$2, the sample's lock: tables were open" eval "! mysql_is_clean '$scratch/socket2'"
	stop_server "$server"
	does "$2, the sample's lock: the copies go" drop_copies
}

# store TYPE MODE [AFTER-EACH-ROUND]: a server under load on a filesystem, and its rounds
store() {
	make_store "$1" "$1" 320
	that "$1: a server's files" mysql_files "$scratch/$1/db"
	does "$1: a server" mysql_start "$scratch/$1/db" "$scratch/socket"
	first=$server
	mysql_does "$scratch/socket" "$mysql_tables"
	[ "$2" != instance ] || mysql_does "$scratch/socket" "ALTER TABLE test.m ENGINE=InnoDB"
	does "$1: load" load_begins mysql "$scratch/socket" "$scratch/said.$1"
	for ((n = 0; n < rounds; n++)); do
		round "$1" "$1" "$2"
		[ $# -lt 3 ] || "$3" "$1" "$1"
	done
	does "$1: the load had no error" load_ends
	stop_server "$first"
	close_store "$1"
}
