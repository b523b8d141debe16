# shellcheck shell=bash disable=SC1091 # lib.sh is looked at on its own
# SPDX-License-Identifier: GPL-2.0-only
# What the other commands report while the observer is loaded: which process froze or thawed, which tasks wait.
. ./lib.sh

plan 57
metrics=$top/tests/unit/metrics.py
make_fs ext4
make_fs ext4 second
fs=${mounted[ext4]} second=${mounted[second]}
device=$(findmnt -no MAJ:MIN "$fs" | tr -d ' ')
freezectl observer unload >/dev/null 2>&1
modprobe freezeguard || exit 99

# as_process COMMAND...: as a process of its own, whose number is $process
as_process() {
	"$@" &
	process=$!
	wait $process
}

# blocked_writers N DIR: N writers that wait for it
blocked_writers() {
	local i
	for ((i = 0; i < $1; i++)); do
		write_once "$2"
		within 5000 blocked "$writer" || return
	done
}

# gone_on: every writer has
gone_on() {
	local i
	for i in "${!writers[@]}"; do [ -e "$scratch/written.$i" ] || return; done
}

# events EXPRESSION: true of the monitor's lines, which Python sees as d
events() {
	is_true - "[$1 for d in [lines('$scratch/events')]] == [True]"
}

# ---- without it ----

fsfreeze -f "$fs"
blocked_writers 1 "$fs"
expect 204 "not loaded: 204" freezectl freeze "$fs"
says "... says how to know who it was" "freezectl observer load"
expect 0 "not loaded: status --json" freezectl status --json
that "... says so" json "d['observer'] is False and 'load' in d['observer_missing'] and d['foreign'] is None and [b['pid'] for b in d['blocked']] == [$writer]"
expect 0 "not loaded: status" freezectl status
says "... says what is not known" "to load it: freezectl observer load" "which process froze what others froze" "which filesystem" "not mounted here"
expect 0 "not loaded: figures" freezectl status --prometheus
says "... say so" "freezeguard_observer_loaded 0" "holder=\"other\"} 1"

# ---- frozen before it was loaded ----

freezectl monitor --json --timeout 60s >"$scratch/events" 2>&1 &
monitor=$!
within 10000 grep -q missing "$scratch/events"
expect 0 "observer load" freezectl observer load
that "monitor: one that comes is noticed" within 10000 grep -q '"state":"loaded"' "$scratch/events"
expect 204 "frozen before it was loaded: 204" freezectl freeze "$fs"
says "... says that" "before the observer was loaded"
expect 0 "status of that" freezectl status --json
that "... says it, and who waits since then" json "[(f['before_observer'], f['by'], f['since_ns']) for f in d['foreign']] == [(True, None, None)] and [(b['pid'], b['since_ns']) for b in d['blocked']] == [($writer, None)]"
fsfreeze -u "$fs"
that "monitor: what it sees is shown" within 5000 grep -q '"type":"thawed"' "$scratch/events"
kill -INT "$monitor"
wait "$monitor"
that "monitor ends by SIGINT" test $? -eq 0
that "the writer goes on" within 10000 gone_on
expect 0 "status after the thaw" freezectl status --json
that "... does not list who blocked unseen" json 'd["foreign"] == [] and d["blocked"] == []'

# ---- a foreign freeze ----

as_process fsfreeze -f "$fs"
blocked_writers 2 "$fs"
expect 204 "a foreign freeze: 204" freezectl freeze "$fs"
says "... names the process, the user, and by which way" "process $process (fsfreeze) of user 0, ioctl" "ago"
expect 205 "thaw of it: 205" freezectl thaw "$fs"
says "... names it too" "process $process (fsfreeze)"
expect 0 "status" freezectl status
says "... has it in a table of its own" "FROZEN BY OTHERS" "$process (fsfreeze)" "$writer"
expect 0 "status --json" freezectl status --json
that "... has it, and who waits, where, since when" json "[(f['path'], f['by']['pid'], f['by']['comm'], f['origin'], f['blocked']) for f in d['foreign']] == [('$fs', $process, 'fsfreeze', 'user', 2)] and len(d['blocked']) == 2 and all(b['filesystem']['path'] == '$fs' and b['phase'] == 'write' and b['since_ns'] for b in d['blocked']) and $writer in [b['pid'] for b in d['blocked']]"
expect 0 "status PATH" freezectl status --json "$second"
that "... is about that filesystem only" json 'd["foreign"] == [] and not d.get("blocked")'
expect 0 "status PATH of the frozen one" freezectl status --json "$fs"
that "... shows both" json 'len(d["foreign"]) == 1 and len(d["blocked"]) == 2'
expect 0 "figures" freezectl status --prometheus
says "... are of that" "freezeguard_blocked_writers 2" "device=\"$device\",fstype=\"ext4\"" \
	'freezeguard_filesystem_frozen{device="'"$device"'"'
that "... and Prometheus' own parser reads them" "$metrics" "$top/Documentation/observing.md" <<<"$out"
fsfreeze -u "$fs"
that "the writers go on" within 10000 gone_on
expect 0 "figures after the thaw" freezectl status --prometheus
says "... have the waits" "freezeguard_stall_seconds_count 2" "freezeguard_blocked_writers 0"

# ---- a lease ----

freezectl freeze --id waits --timeout 60s "$fs" "$second" >/dev/null
blocked_writers 2 "$fs"
blocked_writers 1 "$second"
sleep 0.4
expect 0 "thaw --json of a lease that stopped three writers" freezectl thaw --json --id waits
that "... tells how many, and the longest wait" json 'd["leases"][0]["writers_waited"] == 3 and d["leases"][0]["stalls"] == "complete" and d["leases"][0]["longest_stall_ns"] >= 390000000'
expect 0 "run" freezectl run --timeout 20s "$fs" -- true
says "... tells it" "no writer waited"
freezectl dlm pre-script --execution-id None --timeout 20s "$fs" >/dev/null
blocked_writers 1 "$fs"
expect 0 "dlm post-script" freezectl dlm post-script --execution-id None
says "... tells it" "1 writer waited"

# ---- a freeze on top of a lease ----

freezectl freeze --id below --timeout 60s "$second" >/dev/null
if as_process fsfreeze -f "$second" 2>/dev/null; then
	expect 0 "status of a freeze on top of a lease" freezectl status --json
	[[ $out =~ \"since_ns\":\ ?([0-9]+) ]] && since=${BASH_REMATCH[1]}
	that "... has who made it" json "[(f['path'], f['by']['pid'], f['nested']) for f in d['foreign']] == [('$second', $process, 1)]"
	expect 0 "thaw below it" freezectl thaw --id below
	says "... names who keeps it frozen" "but still by" "process $process (fsfreeze) of user 0"
	expect 0 "status of what is left" freezectl status --json
	that "... does not take the lease's time for its own" json "[(f['by']['pid'], f['nested']) for f in d['foreign']] == [($process, 0)] and d['foreign'][0]['since_ns'] == $since"
	fsfreeze -u "$second"
else
	for name in "status of a freeze on top of a lease" "... has who made it" "thaw below it" \
		"... names who keeps it frozen" "status of what is left" \
		"... does not take the lease's time for its own"; do
		pass "$name # SKIP this kernel has one holder only"
	done
	freezectl thaw --id below >/dev/null
fi

# ---- without the module ----

modprobe -r freezeguard
echo /bin/false >/proc/sys/kernel/modprobe
as_process fsfreeze -f "$fs"
expect 206 "status without the module" freezectl status --json
that "... has what others froze" json "[(f['path'], f['by']['pid']) for f in d['foreign']] == [('$fs', $process)]"
fsfreeze -u "$fs"
echo /sbin/modprobe >/proc/sys/kernel/modprobe

# ---- a lease that somebody else thaws, and the module doesn't see it ----

modprobe freezeguard watch=N || exit 99
make_testfs anyone anyone		# anybody can thaw it, on every kernel
freezectl freeze --id broken --timeout 60s "${mounted[anyone]}" >/dev/null
as_process fsfreeze -u "${mounted[anyone]}"
expect 205 "thawed by somebody else" freezectl thaw --id broken
says "... who is named" "process $process (fsfreeze) of user 0 thawed it (ioctl)"
modprobe -r freezeguard && modprobe freezeguard || exit 99

# ---- monitor ----

freezectl freeze --id live --timeout 60s "$fs" >/dev/null
freezectl monitor --json --timeout 60s >"$scratch/events" 2>&1 &
monitor=$!
within 10000 grep -q live "$scratch/events"
freezectl thaw --id live >/dev/null
freezectl freeze --id seen --timeout 60s "$fs" >/dev/null
freezectl thaw --id seen >/dev/null
as_process fsfreeze -f "$second"
fsfreeze -u "$second"
freezectl observer unload >/dev/null
that "monitor: an observer that goes is noticed" within 10000 grep -q '"state":"gone"' "$scratch/events"
kill -INT "$monitor"
wait "$monitor"
that "the observer's events and the leases' are in the order of time" events \
	"[e['time_ns'] for e in d if 'time_ns' in e] == sorted(e['time_ns'] for e in d if 'time_ns' in e) and {'lease', 'event', 'observed'} <= {e['what'] for e in d}"
that "... what a lease does is told apart" events \
	"[e['observed']['type'] for e in d if e['what'] == 'observed' and e['observed']['origin'] == 'lease' and e['observed']['lease_number']] == ['thawed', 'frozen', 'thawed']"
that "... and what others do has its process" events \
	"[(e['observed']['type'], e['observed']['filesystem']['path'], e['observed']['by']['pid'] == $process) for e in d if e['what'] == 'observed' and e['observed']['origin'] == 'user'] == [('frozen', '$second', True), ('thawed', '$second', False)]"
