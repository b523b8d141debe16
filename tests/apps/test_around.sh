# shellcheck shell=bash disable=SC2154 # variables of the files that this sources
# SPDX-License-Identifier: GPL-2.0-only
# freezectl run, freeze and thaw with a real PostgreSQL: a server that starts on a copy has every transaction that
# was acknowledged before all was quiet and frozen, and none that began after that.
# shellcheck source=tests/apps/lib.sh
. ./lib.sh
# shellcheck source=tests/apps/postgresql.sh
. ./postgresql.sh
need postgresql
plan $((4 + rounds * 28))

configure "[hook postgresql]" "env.PGHOST = $scratch/socket" "env.PGUSER = postgres" \
	"env.POSTGRESQL_USER = nobody"

# second_server: a restore; its rows are in $scratch/rows
second_server() {
	rm -f "$scratch/ext4-copy/db/postmaster.pid"
	postgresql_start "$scratch/ext4-copy/db" "$scratch/socket2" &&
		postgresql_does "$scratch/socket2" "SELECT client, seq FROM t" >"$scratch/rows"
}

# restores NAME: what a second server has to have
restores() {
	load_rests
	clean_copy ext4 ext4
	does "$1: a second server" second_server
	that "$1: heaps and indexes are good" postgresql_is_clean "$scratch/socket2"
	that "$1: row by row" restored "$scratch/said" "$scratch/rows" "$returned"
	does "$1: it goes" stop_server "$server"
	does "$1: and so do the copies" drop_copies
}

# record_has EXPRESSION: of the newest record, which Python sees as s
record_has() {
	freezectl apps --json | python3 -c 'import json, sys
s = json.load(sys.stdin)["sessions"][0]
sys.exit(not eval(sys.argv[1]))' "$1"
}

# The command waits while the copies are made: it is what would make them.
run_copies() {
	rm -f "$scratch/quiet" "$scratch/copied"
	# shellcheck disable=SC2016 # the command's own
	freezectl run --app postgresql --timeout 60s "$scratch/ext4" -- \
		timeout 50 sh -c 'touch "$0/quiet"; until [ -e "$0/copied" ]; do sleep 0.05; done' "$scratch" &
	local ran=$!
	until_up $ran 60000 test -e "$scratch/quiet" || return
	returned=$(now)
	take_copies ext4
	touch "$scratch/copied"
	wait $ran
}

freeze_it() {
	freezectl freeze --app postgresql --id "$1" --timeout 60s "$scratch/ext4"
	local status=$?
	returned=$(now)
	return $status
}

make_store ext4 ext4 320
that "a server's files" postgresql_files "$scratch/ext4/db"
does "a server" postgresql_start "$scratch/ext4/db" "$scratch/socket"
first=$server
postgresql_does "$scratch/socket" "$postgresql_tables"
does "load" load_begins postgresql "$scratch/socket" "$scratch/said"
for ((n = 0; n < rounds; n++)); do
	does "run: the load goes on" load_goes_on "$scratch/said"
	does "run --app postgresql: copies are its command" run_copies
	that "run: to the hook it was a success" record_has 's["by"] == "run" and s["in_time"]'
	restores run

	does "freeze: the load goes on" load_goes_on "$scratch/said"
	does "freeze --app postgresql" freeze_it "round-$n"
	does "freeze: copies" take_copies ext4
	expect 0 "thaw" freezectl thaw --app postgresql --id "round-$n"
	that "thaw: to the hook it was a success" record_has 's["by"] == "freeze" and s["in_time"]'
	expect 0 "complete" freezectl complete --id "round-$n"
	expect 204 "complete again" freezectl complete --id "round-$n"
	restores freeze

	does "abort: the load goes on" load_goes_on "$scratch/said"
	does "abort: freeze" freeze_it "abort-$n"
	expect 0 "abort: thaw --abort" freezectl thaw --abort --id "abort-$n"
	expect 205 "abort: complete" freezectl complete --id "abort-$n"
done
does "the load had no error" load_ends
stop_server "$first"
close_store ext4
