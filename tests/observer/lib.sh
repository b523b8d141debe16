# shellcheck shell=bash disable=SC2034,SC2154 # variables for and of the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# The steps of the observer's tests, on top of those in tests/lib/guest.sh. Sourced inside the guest.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
pins=/sys/fs/bpf/freezeguard

# ---- Python ----

# One Python for a whole file of tests: in an emulated guest each takes most of a second to start. It
# answers a line with a line; ask.py says what an expression sees.
mkfifo "$scratch/python.in" "$scratch/python.out"
python3 ./ask.py "$pins" <"$scratch/python.in" >"$scratch/python.out" &
disown		# a "wait" for all children is not for this one
exec {python_in}>"$scratch/python.in" {python_out}<"$scratch/python.out"

# ask FILE EXPRESSION: prints the expression's value; FILE is a JSON document, which it sees as d, or -
ask() {
	local answer
	printf '%s\t%s\n' "$1" "${2//$'\n'/ }" >&"$python_in"
	IFS= read -r -t 60 answer <&"$python_out" || answer="Python does not answer"
	printf '%s\n' "$answer"
}

# is_true FILE EXPRESSION
is_true() {
	local answer
	answer=$(ask "$@")
	[ "$answer" = True ] || { echo "$answer"; return 1; }
}

# json EXPRESSION: true of the document $out, which Python sees as d
json() {
	printf '%s' "$out" >"$scratch/out.json"
	is_true "$scratch/out.json" "bool($1)"
}

# maps_say EXPRESSION: true of the maps
maps_say() {
	is_true "" "$1"
}

# in_map DEVICE EXPRESSION: true of the entry of "frozen" of that device, which Python sees as e
in_map() {
	maps_say "[e for e in [frozen['$1']] if not ($2)] == []"
}

not_in_map() {
	maps_say "'$1' not in frozen"
}

# total_is FIELD NUMBER: of what the maps count
total_is() {
	maps_say "totals['$1'] == $2 or (totals['$1'], 'not', $2)"
}

# ---- what there is of it ----

# Nothing else in the guest has programs like these.
programs() {
	ask - "programs()"
}

programs_are() {
	[ "$(programs)" -eq "$1" ]
}

# Nothing below the BPF filesystem, no program, no map.
nothing_left() {
	[ -z "$(ls -A /sys/fs/bpf 2>/dev/null)" ] && maps_say "(programs(), maps()) == (0, 0)"
}

# device_of PATH: "7:0"
device_of() {
	findmnt -no MAJ:MIN --target "$1" | tr -d ' '
}

# ---- helpers ----

observer_helpers=$top/build/tests/observer

# Grace periods take no time: it's not they that are tested.
expedite() {
	echo 1 >/sys/kernel/rcu_expedited
}
