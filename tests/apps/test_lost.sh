# SPDX-License-Identifier: GPL-2.0-only
# What happens to a database if the thaw does not come in time. What happens if the supervisor, the hook, or
# the server is killed while everything is frozen.
# shellcheck disable=SC2154 # variables of the libraries
# shellcheck source=tests/apps/lib.sh
. ./lib.sh
# shellcheck source=tests/apps/mysql.sh
. ./mysql.sh
# shellcheck source=tests/apps/postgresql.sh
. ./postgresql.sh
products=(mariadb mysql postgresql)
[ ! -e "$templates/mysql.missing" ] || products=(mariadb postgresql)
plan $((${#products[@]} * (3 + 7 + 2 * 7 + 10)))

mysql_login "$scratch/login" "$scratch/socket"
configure "[hook mysql]" "env.MYSQL_OPTIONS_FILE = $scratch/login" \
	"[hook postgresql]" "env.PGHOST = $scratch/socket" "env.PGUSER = postgres" \
	"env.POSTGRESQL_USER = nobody" "env.POSTGRESQL_MODE = backup"

# ---- the load ----

# first_acks NS DIRECTORY: of each client the time of its first answer after NS, the latest one last
first_acks() {
	awk -v after="$1" '$1 == "ack" && $3 >= after && !(FILENAME in seen) { seen[FILENAME]; print $3 }' \
		"$2"/* | sort -n
}
all_go_on() { [ "$(first_acks "$@" | wc -l)" -eq "$clients" ]; }

# ---- the processes ----

# pid_of PATTERN: the only one whose command line has it
pid_of() {
	local pids
	mapfile -t pids < <(pgrep -f -- "$1")
	[ ${#pids[@]} -eq 1 ] || { echo "${#pids[@]} processes with '$1'"; return 1; }
	echo "${pids[0]}"
}
supervisor() { freezectl apps --id "dlm-$execution" | sed -n 's/.*by supervisor \([0-9]*\) .*/\1/p'; }

# ---- the cases, each for server $1 ----

declare -A app=([mariadb]=mysql [mysql]=mysql [postgresql]=postgresql)
hook_of() { echo "$scratch/shipped/${app[$1]}.session session"; }
freeze() { pre_script --app "${app[$1]}" "${@:2}" "$scratch/$1"; }

deadline_case() {
	local deadline earliest latest
	does "$1, deadline: pre-script" freeze "$1" --timeout 4s --json
	deadline=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["leases"][0]["deadline_ns"])' "$scratch/did")
	that "$1, deadline: every client goes on" within 12000 all_go_on "$deadline" "$scratch/said.$1"
	earliest=$(first_acks "$deadline" "$scratch/said.$1" | head -n 1)
	latest=$(first_acks "$deadline" "$scratch/said.$1" | tail -n 1)
	echo "# the first of $clients clients goes on $(((earliest - deadline) / 1000000)) ms after the deadline," \
		"the last $(((latest - deadline) / 1000000)) ms"
	# It is a second for all of them, on a machine that has nothing else to do.
	that "$1, deadline: the first within a second of it" test $((earliest - deadline)) -le 1000000000
	that "$1, deadline: the last soon" test $((latest - deadline)) -le 4000000000
	expect 203 "$1, deadline: post-script" post_script
	says "$1, deadline: it says why" "deadline"
	that "$1, deadline: no hook is left" within 3000 ended_pattern "$(hook_of "$1")"
}
ended_pattern() { ! pgrep -f -- "$1"; }

# lost_case SERVER NAME PID-COMMAND...: that process is killed
lost_case() {
	local server=$1 name=$2 victim
	shift 2
	does "$server, $name: pre-script" freeze "$server" --timeout 60s
	victim=$("$@")
	that "$server, $name: is killed" kill -KILL "$victim"
	that "$server, $name: the hook ends" within 6000 ended_pattern "$(hook_of "$server")"
	that "$server, $name: nothing is thawed by that" frozen "$scratch/$server"
	expect 203 "$server, $name: post-script" post_script
	says "$server, $name: it says that consistency was lost" "consistency was lost"
	that "$server, $name: every client goes on" within 12000 all_go_on "$(now)" "$scratch/said.$server"
}

# A thread that waits for the thaw outlives its process, and keeps the connections of all threads.
waits_for_thaw() { grep -qs '^State:.D' "/proc/$1/task"/*/status; }

server_case() {
	does "$1, server: pre-script" freeze "$1" --timeout 60s
	if [ "${app[$1]}" = mysql ]; then
		mysql_does "$scratch/socket" "SELECT 1 INTO OUTFILE '$scratch/$1/held'" >/dev/null 2>&1 &
		that "$1, server: a thread of it waits for the thaw" within 12000 waits_for_thaw "$first"
	fi
	that "$1, server: is killed" kill -KILL "$first"
	that "$1, server: nothing is thawed by that" frozen "$scratch/$1"
	[ "${app[$1]}" = mysql ] ||
		that "$1, server: the hook ends" within 15000 ended_pattern "$(hook_of "$1")"
	expect 203 "$1, server: post-script" post_script
	says "$1, server: it says that consistency was lost" "consistency was lost"
	that "$1, server: no hook is left" within 3000 ended_pattern "$(hook_of "$1")"
	that "$1, server: it is gone when its filesystem is thawed" within 12000 gone "$first"
	that "$1, server: the load ends with it" within 12000 gone "$loader"
	load_killed
	does "$1, server: it starts again, and takes writes" again "$1"
}

# ---- the servers ----

files() {
	"${app[$1]}_files" "$scratch/$1/db"
}
start() {
	"${app[$1]}_start" "$scratch/$1/db" "$scratch/socket"
}
again() {
	servers=()
	start "$1" && "${app[$1]}_does" "$scratch/socket" "INSERT INTO ${table[${app[$1]}]} VALUES (99, 1)"
}
declare -A table=([mysql]="test.m" [postgresql]="t (client, seq)")

for server_name in "${products[@]}"; do
	product=$server_name
	make_store "$server_name" ext4 320
	does "$server_name: its files" files "$server_name"
	does "$server_name: a server" start "$server_name"
	first=$server
	tables=${app[$server_name]}_tables
	"${app[$server_name]}_does" "$scratch/socket" "${!tables}"
	does "$server_name: load" load_begins "${app[$server_name]}" "$scratch/socket" "$scratch/said.$server_name"
	deadline_case "$server_name"
	lost_case "$server_name" supervisor supervisor
	lost_case "$server_name" hook pid_of "$(hook_of "$server_name")"
	server_case "$server_name"
	stop_server "$server"
	rm -rf "$scratch/socket"
	close_store "$server_name"
done
