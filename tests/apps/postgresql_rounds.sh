# shellcheck shell=bash disable=SC2034,SC2154 # variables of and for the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# PostgreSQL: a server that starts on copies of the block devices has every transaction that was acknowledged
# before the pre-script returned, and none that began after that; also with WAL on its own filesystem. Sourced by a
# test file that may have set $product.
# shellcheck source=tests/apps/lib.sh
. ./lib.sh
# shellcheck source=tests/apps/postgresql.sh
. ./postgresql.sh
need "${product:-postgresql}"
plan $((2 * (4 + rounds * 11) + 4 + rounds * 20))

configure "[hook postgresql]" "env.PGHOST = $scratch/socket" "env.PGUSER = postgres" \
	"env.POSTGRESQL_USER = nobody"

# second_server STORE: a restore; its rows are in $scratch/rows
second_server() {
	rm -f "$scratch/$1-copy/db/postmaster.pid"
	postgresql_start "$scratch/$1-copy/db" "$scratch/socket2" &&
		postgresql_does "$scratch/socket2" "SELECT client, seq FROM t" >"$scratch/rows"
}

# restores NAME STORE: what a second server has to have
restores() {
	does "$1: a second server" second_server "$2"
	that "$1: heaps and indexes are good" postgresql_is_clean "$scratch/socket2"
	that "$1: transactions" restored "$scratch/said.$2" "$scratch/rows" "$returned"
	does "$1: it goes" stop_server "$server"
	does "$1: and so do the copies" drop_copies
}

# round TYPE: everything on one filesystem
round() {
	does "$1: the load goes on" load_goes_on "$scratch/said.$1"
	does "$1: pre-script" pre_script --app postgresql --timeout 60s "$scratch/$1"
	does "$1: copies" take_copies "$1"
	expect 0 "$1: post-script" post_script
	load_rests
	clean_copy "$1" "$1"
	restores "$1" "$1"
}

# With the label, and WAL that was written after the copies, as an archive has it: the copies need not
# have been made at one moment then, and what was committed until the backup's end is there, too.
label_restores() {
	local keep=/var/lib/freezeguard/dlm-$execution/postgresql
	that "two filesystems: the label was kept" grep -q "START WAL LOCATION" "$keep/backup_label"
	that "two filesystems, label: it is put in" install -o nobody -m 600 "$keep/backup_label" \
		"$scratch/label/backup_label"
	install -o nobody /dev/null "$scratch/label/recovery.signal"
	postgresql_does "$scratch/socket" "SELECT pg_switch_wal()" >/dev/null
	does "two filesystems, label: a server" postgresql_start "$scratch/label" "$scratch/socket2" \
		-c recovery_target=immediate -c recovery_target_action=promote \
		-c "restore_command=cp $scratch/wal/wal/%f %p"
	postgresql_does "$scratch/socket2" "SELECT client, seq FROM t" >"$scratch/rows"
	that "two filesystems, label: it recovered until the backup's end" \
		grep -q "recovery stopping after reaching consistency" "$scratch/socket2.log"
	that "two filesystems, label: heaps and indexes are good" postgresql_is_clean "$scratch/socket2"
	that "two filesystems, label: transactions" restored "$scratch/said.data" "$scratch/rows" \
		"$returned" "$(now)"
	does "two filesystems, label: it goes" stop_server "$server"
	rm -rf "$scratch/label"
}

# Data on ext4, WAL on XFS: frozen in one lease, they are copied as they were at one moment.
round_of_two() {
	does "two filesystems: the load goes on" load_goes_on "$scratch/said.data"
	does "two filesystems: pre-script" pre_script --app postgresql --timeout 60s \
		"$scratch/data" "$scratch/wal"
	does "two filesystems: copies" take_copies data wal
	expect 0 "two filesystems: post-script" post_script
	load_rests
	clean_copy data ext4
	clean_copy wal xfs
	rm "$scratch/data-copy/db/pg_wal"
	cp -a "$scratch/data-copy/db" "$scratch/label"
	cp -a "$scratch/wal-copy/wal" "$scratch/label/pg_wal"
	ln -s "$scratch/wal-copy/wal" "$scratch/data-copy/db/pg_wal"
	rm -f "$scratch/label/postmaster.pid"
	restores "two filesystems" data
	label_restores
}

# begin STORE: a server there, and load
begin() {
	does "$1: a server" postgresql_start "$scratch/$1/db" "$scratch/socket"
	first=$server
	postgresql_does "$scratch/socket" "$postgresql_tables"
	does "$1: load" load_begins postgresql "$scratch/socket" "$scratch/said.$1"
}

end() {
	does "$1: the load had no error" load_ends
	stop_server "$first"
}

for type in ext4 xfs; do
	make_store "$type" "$type" 320
	that "$type: a server's files" postgresql_files "$scratch/$type/db"
	begin "$type"
	for ((n = 0; n < rounds; n++)); do round "$type"; done
	end "$type"
	close_store "$type"
done

make_store data ext4 320
make_store wal xfs 320
that "two filesystems: a server's files" postgresql_files "$scratch/data/db" "$scratch/wal/wal"
begin data
for ((n = 0; n < rounds; n++)); do round_of_two; done
end data
