# shellcheck shell=bash disable=SC2034,SC2154 # variables for and of the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# What the observer's tests are made of, on top of the command line's. Sourced inside the guest.
# shellcheck source=tests/cli/lib.sh
. ../cli/lib.sh
pins=/sys/fs/bpf/freezeguard

# Nothing else in the guest has programs like these.
programs() {
	bpftool prog list | grep -c ': tracing '
}

programs_are() {
	[ "$(programs)" -eq "$1" ]
}

maps() {
	bpftool map list | grep -cE '^[0-9]+:'
}

no_maps() {
	[ "$(maps)" -eq 0 ]
}

# Nothing below the BPF filesystem, no program, no map.
nothing_left() {
	[ -z "$(ls -A /sys/fs/bpf 2>/dev/null)" ] && programs_are 0 && no_maps
}

# total FIELD: of what "observer show" counts
total() {
	freezectl observer show --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["totals"][sys.argv[1]])' "$1"
}

# total_is FIELD NUMBER
total_is() {
	local got
	got=$(total "$1")
	[ "$got" = "$2" ] || { echo "$1 is $got, not $2"; return 1; }
}

# in_map DEVICE EXPRESSION: true of the entry of "frozen" of that device, which Python sees as e
in_map() {
	bpftool map dump pinned "$pins/frozen" -j | python3 -c 'import json, sys
device = dict(zip(("major", "minor"), map(int, sys.argv[1].split(":"))))
entries = [x["formatted"]["value"] for x in json.load(sys.stdin) if x["formatted"]["key"] == device]
if len(entries) != 1: sys.exit("%d entries of %s" % (len(entries), sys.argv[1]))
e = entries[0]
if not eval(sys.argv[2]): sys.exit(str(e))' "$1" "$2"
}

not_in_map() {
	bpftool map dump pinned "$pins/frozen" -j | python3 -c 'import json, sys
device = dict(zip(("major", "minor"), map(int, sys.argv[1].split(":"))))
sys.exit(any(x["formatted"]["key"] == device for x in json.load(sys.stdin)))' "$1"
}

# device_of PATH: "7:0"
device_of() {
	findmnt -no MAJ:MIN --target "$1" | tr -d ' '
}

# ---- what the observer saw, exactly ----

observer_helpers=$top/build/tests/observer

# Grace periods take no time: it's not they that are tested.
expedite() {
	echo 1 >/sys/kernel/rcu_expedited
}

# maps_say EXPRESSION: true of the maps, as maps.py describes them. It has to be started, early, since
# that takes its time.
maps_say() {
	local answer
	echo "${1//$'\n'/ }" >&"$questions"
	IFS= read -r -t 60 answer <&"$answers"
	[ "$answer" = True ] || { echo "$answer"; return 1; }
}

start_maps() {
	mkfifo "$scratch/questions" "$scratch/answers" || exit 99
	python3 ./maps.py "$pins" <"$scratch/questions" >"$scratch/answers" &
	exec {questions}>"$scratch/questions" {answers}<"$scratch/answers"
}
