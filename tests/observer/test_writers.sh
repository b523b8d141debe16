# SPDX-License-Identifier: GPL-2.0-only
# Writers that a freeze stops: which tasks, for how long, at which level; and what cannot be seen.
# shellcheck disable=SC2154 # variables of the library
# shellcheck source=tests/observer/lib.sh
. ./lib.sh
plan 35

expedite
make_fs ext4
make_fs xfs
make_fs btrfs
fs=${mounted[ext4]} device=$(device_of "${mounted[ext4]}")
report=$scratch/report

# writers_wait KIND N FS: ready, and waiting to go
writers_wait() {
	rm -f "$scratch/go" && mkfifo "$scratch/go"
	"$observer_helpers/writers" "$@" <"$scratch/go" >"$report" &
	parent=$!
	writers+=("$parent")
	exec {go}>"$scratch/go"
	within 30000 grep -q pids "$report" || fail "the writers are ready"
}
writers_go() {
	exec {go}>&-
}
writers_end() {
	wait "$parent"
	unset 'writers[-1]'
}
# all_sleep: the writers of the report, uninterruptibly
all_sleep() {
	maps_say "all(state(p) == 'D' for p in pids('$report'))"
}
same_pids="sorted(b['pid'] for b in blocked) == sorted(pids('$report'))"

# ---- 64, who blocked before the observer came ----

writers_wait write 64 "$fs"
fsfreeze -f "$fs"
writers_go
that "64 writers sleep" within 30000 all_sleep
expect 0 "load" freezectl observer load
that "64 that blocked before the observer came: exactly those are listed" maps_say "$same_pids and len(blocked) == 64"
that "... with device, level and name, and since before" maps_say \
	"{(b['device'], b['phase'], b['comm'], b['before'], b['thread'] == b['pid']) for b in blocked} ==
		{('$device', 'write', 'writers', True, True)}"
that "... and counted" maps_say "frozen['$device']['blocked'] == frozen['$device']['blocked_before'] == 64"
fsfreeze -u "$fs"
writers_end
that "after the thaw none" maps_say "blocked == [] and frozen == {}"
that "... and no wait is made up of what was not seen" maps_say \
	"[totals['stall'][field] for field in ('waits', 'ended', 'total_ns', 'longest_ns')] == [0] * 4"

# ---- 64 who block while it looks on, in seven rounds ----

one_round() {
	writers_wait write 64 "$fs"
	fsfreeze -f "$fs"
	writers_go
	within 30000 all_sleep || fail "64 writers sleep"
}
that "counting begins" maps_say "keep()"
one_round
that "64 writers: exactly those are listed" maps_say "$same_pids and len(blocked) == 64"
that "... with device, level, name and thread" maps_say \
	"{(b['device'], b['phase'], b['comm'], b['before'], b['thread'] == b['pid']) for b in blocked} ==
		{('$device', 'write', 'writers', False, True)}"
that "... and in the map" maps_say "sorted(writers) == sorted(pids('$report')) and
	frozen['$device']['blocked'] == 64 and note('begun', {t: w['since_ns'] for t, w in writers.items()})"
that "... and counted as waiting" maps_say \
	"totals['stall']['waits'] == 64 and totals['stall']['ended'] == 0"
fsfreeze -u "$fs"
writers_end
that "after the thaw none" maps_say "blocked == [] and writers == {} and frozen == {}"
that "when each wait began agrees with the writer's own clock, within 5 ms in the median" maps_say \
	"median('begin of a wait', [noted['begun'][w['pid']] - w['begin_ns'] for w in report('$report')['writers']]) < 5"
that "each wait is counted in the histogram once" maps_say "[(s['waits'], s['ended'], sum(s['histogram']))
	for s in (totals['stall'], filesystems['$device']['stall'])] == [(64, 64, 64)] * 2"
that "... and for this freeze" maps_say "[(l['waits'], l['ended']) for l in [filesystems['$device']['last']]] == [(64, 64)]
	and filesystems['$device']['most_blocked'] == 64"
that "... the longest in the bucket that is its own" maps_say \
	"max(i for i, n in enumerate(totals['stall']['histogram']) if n) ==
		(totals['stall']['longest_ns'] // 1000).bit_length() - 1"
that "... and their sum within the buckets' bounds" maps_say \
	"sum(n * 1000 << i for i, n in enumerate(totals['stall']['histogram'])) <= totals['stall']['total_ns'] <
		sum(n * 1000 << i + 1 for i, n in enumerate(totals['stall']['histogram']))"
agree() {
	maps_say "note('longest', noted.get('longest', []) + [max(w['end_ns'] - w['begin_ns']
		for w in report('$report')['writers']) - filesystems['$device']['last']['longest_ns']]) and
		note('mean', noted.get('mean', []) + [(sum(w['end_ns'] - w['begin_ns']
		for w in report('$report')['writers']) - grew('stall')['total_ns']) // 64]) and keep()"
}
that "longest and sum are kept" agree
for _ in 2 3 4 5 6 7; do
	one_round
	fsfreeze -u "$fs"
	writers_end
	agree
done
that "the longest wait agrees with the writers' own, within 5 ms in the median of seven rounds" maps_say \
	"len(noted['longest']) == 7 and median('longest wait', noted['longest']) < 5"
that "so does the mean" maps_say "len(noted['mean']) == 7 and median('mean wait', noted['mean']) < 5"
that "the map's longest is of the whole" maps_say \
	"totals['stall']['longest_ns'] >= filesystems['$device']['last']['longest_ns'] > 0"

# ---- what else stops, and where ----

# each_kind TYPE PASS FS: one writer of each kind, on a filesystem of that type; those named in the lists
# pass, or are stopped as the filesystem's own
each_kind() {
	local type=$1 fs=${mounted[$1]} device
	device=$(device_of "$fs")
	writers_wait each 1 "$fs"
	fsfreeze -f "$fs"
	writers_go
	# Each is through, or sleeps; io_uring's in its worker.
	within 20000 maps_say "all(state(p) in 'ZD' or k == 'uring' for k, p in kinds('$report').items())"
	within 5000 maps_say "any(b['comm'].startswith('io') for b in blocked)"
	that "$type: what passes" maps_say "{k for k, p in kinds('$report').items() if state(p) == 'Z'} == set('$2'.split())"
	that "$type: what is stopped, and at which level" maps_say "note('stopped', {k: b['phase'] for b in blocked
		for k, p in kinds('$report').items() if b['thread'] == p and b['device'] == '$device' and
		b['comm'] == 'writers' and b['pid'] == p}) and show(noted['stopped']) and noted['stopped'] == {k: 'pagefault' if k == 'mmap' else
		'fs' if k in '$3'.split() else 'write' for k in kinds('$report') if k not in '$2 uring'.split()}"
	that "$type: ... of an io_uring the kernel's worker" maps_say "[b['comm'].startswith('iou-wrk-') and
		b['pid'] == pid and b['thread'] != pid and b['device'] == '$device' and b['phase'] == 'write' for pid in [kinds('$report')['uring']] for b in blocked
		if b['comm'].startswith('io')] == [True]"
	fsfreeze -u "$fs"
	that "$type: none is left" within 20000 maps_say "'writers' in report('$report') and blocked == [] and writers == {}"
	writers_end
}
not_writing="read open fsync syncfs"
each_kind ext4 "$not_writing" close
# XFS frees what was removed later, in the background.
each_kind xfs "$not_writing close" ""
each_kind btrfs "$not_writing" close
that "nothing was lost" maps_say "totals['lost_entries'] == totals['lost_events'] == 0"
freezectl observer unload >/dev/null
