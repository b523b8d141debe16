# shellcheck shell=bash disable=SC2034,SC2154 # variables for and of the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# What the observer's tests are made of, on top of the command line's. Sourced inside the guest.
# shellcheck source=tests/cli/lib.sh
. ../cli/lib.sh
pins=/sys/fs/bpf/freezeguard

# Nothing else in the guest has programs like these.
programs() {
	bpftool prog list | grep -cE ': (tracing|kprobe) '
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

# ---- JSON ----

# One Python for a whole file of tests: in an emulated guest each takes most of a second to start. It
# answers a line with a line: an expression that sees the JSON of a file as d, of an entry of "frozen" as e.
mkfifo "$scratch/python.in" "$scratch/python.out"
python3 ./ask.py <"$scratch/python.in" >"$scratch/python.out" &
disown		# a "wait" for all children is not for this one
exec {python_in}>"$scratch/python.in" {python_out}<"$scratch/python.out"

# ask FILE EXPRESSION: prints the expression's value
ask() {
	local answer
	printf '%s\t%s\n' "$1" "${2//$'\n'/ }" >&"$python_in"
	IFS= read -r -t 60 answer <&"$python_out" || answer="Python does not answer"
	printf '%s\n' "$answer"
}

# json EXPRESSION: true of the document $out, which Python sees as d
json() {
	local answer
	printf '%s' "$out" >"$scratch/out.json"
	answer=$(ask "$scratch/out.json" "bool($1)")
	[ "$answer" = True ] || { echo "$answer"; return 1; }
}

# total FIELD: of what "observer show" counts
total() {
	freezectl observer show --json >"$scratch/show.json"
	ask "$scratch/show.json" "d['totals']['$1']"
}

# total_is FIELD NUMBER
total_is() {
	local got
	got=$(total "$1")
	[ "$got" = "$2" ] || { echo "$1 is $got, not $2"; return 1; }
}

# in_map DEVICE EXPRESSION: true of the entry of "frozen" of that device, which Python sees as e
in_map() {
	local answer
	bpftool map dump pinned "$pins/frozen" -j >"$scratch/frozen.json"
	answer=$(ask "$scratch/frozen.json" "[e for e in [frozen(d)['$1']] if not ($2)]")
	[ "$answer" = "[]" ] || { echo "$answer"; return 1; }
}

not_in_map() {
	local answer
	bpftool map dump pinned "$pins/frozen" -j >"$scratch/frozen.json"
	answer=$(ask "$scratch/frozen.json" "'$1' in frozen(d)")
	[ "$answer" = False ] || { echo "$answer"; return 1; }
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
