# SPDX-License-Identifier: GPL-2.0-only
# Every freeze and every thaw is seen once, with its process: one by one, by eight processes at once, and by
# eight processes that compete for the same filesystems.
# shellcheck disable=SC2154 # variables of the library
# shellcheck source=tests/observer/lib.sh
. ./lib.sh
plan 39

expedite
freezectl observer load >/dev/null || exit 99

# Eight of a kind, with few commands: each takes its time in a guest that is emulated.
truncate -s 2M "$scratch/0.img" && mkfs.ext4 -q "$scratch/0.img" || exit 99
tee "$scratch"/{1..7}.img <"$scratch/0.img" >/dev/null
mkdir "$scratch"/fs{0..7}
for i in {0..7}; do
	mount -t ext4 -o loop "$scratch/$i.img" "$scratch/fs$i" || exit 99
	mounted[fs$i]=$scratch/fs$i
done
paths=("$scratch"/fs{0..7})
read -r -d '' -a devices < <(stat -c %Hd:%Ld "${paths[@]}")
fs=${paths[0]} device=${devices[0]}

# ---- by hand ----

fsfreeze -f "$fs" &
pid=$!
wait $pid
that "frozen by hand: the map has who, how and what" maps_say "[(e['state'], e['origin'], e['by']['pid'],
	e['by']['thread'], e['by']['comm'], e['by']['uid'], e['lease']['number'], e['filesystem'], e['phase'])
	for e in [frozen['$device']]] == [('FW_STATE_FROZEN', 'FW_ORIGIN_USER', $pid, $pid, 'fsfreeze', 0, 0,
	'ext4', 'FW_PHASE_COMPLETE')] and len(frozen) == 1"
that "... and from when on" maps_say "0 < frozen['$device']['since_ns'] < frozen['$device']['frozen_ns']"
that "... and in which control group" maps_say "frozen['$device']['by']['cgroup'] != 0"
that "... and from where it is mounted" maps_say \
	"frozen['$device']['source'] == '$(findmnt -no SOURCE "$fs")'"
fsfreeze -u "$fs" &
pid=$!
wait $pid
that "thawed by hand: it is gone from the map" maps_say "frozen == {}"
that "... and it is known who did it" maps_say "[(last['thaw_origin'], last['thawed_by']['pid'],
	last['thawed_by']['comm']) for last in [filesystems['$device']['last']]] ==
	[('FW_ORIGIN_USER', $pid, 'fsfreeze')]"
fsfreeze -u "$fs" 2>/dev/null
that "a thaw of what is not frozen is no thaw" maps_say \
	"totals['thaws'] == 1 and totals['thaws_refused'] == 1 and totals['next_event'] == 2"

# ---- exact sums ----

python_devices=$(printf "'%s'," "${devices[@]}")
report=$scratch/report

# sums_agree NAME: the maps have more what the processes counted, in all and on each filesystem; and the
# stream has it too
sums_agree() {
	local field of
	for field in freezes thaws refused thaws_refused; do
		case $field in refused) of=busy ;; thaws_refused) of=not_frozen ;; *) of=$field ;; esac
		that "$1: $field" maps_say "grew('$field') == sum(report('$report')['$of'])"
		[ $field = thaws_refused ] || that "$1: ... on each filesystem" maps_say \
			"[grew('$field', d) for d in [$python_devices]] == report('$report')['$of']"
	done
	that "$1: nothing failed otherwise" maps_say "sum(report('$report')['other']) == 0 and
		[grew(field) for field in ('failures', 'thaws_left_frozen', 'lost_entries', 'lost_events')] == [0] * 4"
	that "$1: the stream has no hole but what is counted" maps_say "note('new', [e for e in events if
		e['number'] >= kept['totals']['next_event']]) and [e['number'] for e in events] ==
		list(range(max(0, totals['next_event'] - 4096), totals['next_event'])) and
		totals['next_event'] == sum(totals[field] for field in ('freezes', 'refused', 'thaws'))"
	that "$1: ... and each of them once" maps_say "[[count(noted['new'], type=t, device=d) for d in [$python_devices]]
		for t in ('FROZEN', 'THAWED', 'FREEZE_FAILED')] ==
		[report('$report')[of] for of in ('freezes', 'thaws', 'busy')]"
	that "$1: ... of the process that did it" maps_say "[[count(noted['new'], type=t, pid=p) for p in report('$report')['pids']]
		for t in ('FROZEN', 'THAWED')] == [report('$report')[of] for of in ('freezes_by', 'thaws_by')]"
	that "$1: nothing is said to be frozen" maps_say "frozen == {}"
}

that "counting begins" maps_say "keep()"
"$observer_helpers/pairs" own 125 "${paths[@]}" >"$report"
that "eight processes freeze and thaw 1000 times" maps_say "sum(report('$report')['freezes']) == 1000"
sums_agree "each its own"
that "each is known by its name" maps_say "[(last['by']['comm'], last['by']['pid'], last['thawed_by']['pid'])
	for last in [filesystems[d]['last'] for d in [$python_devices]]] ==
	[('pairs-%d' % i, p, p) for i, p in enumerate(report('$report')['pids'])]"
maps_say "keep()"
"$observer_helpers/pairs" race 125 "${paths[@]}" >"$report"
echo "# $(<"$report")"
sums_agree "all in each other's way"

# ---- runs that the kernel skipped ----

# show_skipped: prints what each program missed, and leaves in $skipped what no program of a place saw
show_skipped() {
	freezectl observer show --json >"$scratch/show.json"
	echo "# $1: missed: $(ask "$scratch/show.json" "{p['name']: p['missed'] for p in d['programs'] if p['missed']}")"
	skipped=$(ask "$scratch/show.json" "d['totals']['skipped']")
}
show_skipped "each place has two programs"
that "no run was skipped for all programs of a place" test "$skipped" -eq 0
# With one program for each place, what is missing on a preemptible kernel is no more than is said.
# The kernel takes the probes out of its code later than their pins go. That is over before the processes
# begin: QEMU before 8.1 lets one processor run into the breakpoint by which another one changes the code.
no_probe_of_freezes() {
	! grep -E '(freeze|thaw)_super' /sys/kernel/debug/kprobes/list
}
grep -qE '(freeze|thaw)_super' /sys/kernel/debug/kprobes/list || exit 99
rm $pins/links/*_probe
that "the second programs are taken out of the kernel's code" within 10000 no_probe_of_freezes
maps_say "keep()"
"$observer_helpers/pairs" race 60 "${paths[@]}" >"$report"
show_skipped "each place has one"
that "what is not counted is counted as skipped" maps_say "show(lacking := [sum(report('$report')[of]) - grew(field)
	for field, of in (('freezes', 'freezes'), ('thaws', 'thaws'), ('refused', 'busy'), ('thaws_refused', 'not_frozen'))])
	and all(0 <= n <= $skipped for n in lacking) and sum(lacking) <= $skipped"
freezectl observer load --replace >/dev/null || exit 99

# ---- a recorder that was held up ----

# What it does when it goes on: the number of the next event is that of one long before.
take_back() { # take_back NUMBER
	local value
	bpftool map lookup pinned $pins/totals key 0 0 0 0 -j >"$scratch/totals.json"
	value=$(ask "$scratch/totals.json" "' '.join(str(byte) for v in [bytes(int(byte, 16) for byte in d['value'])]
		for byte in v[:72] + (int.from_bytes(v[72:80], 'little') - $1).to_bytes(8, 'little') + v[80:])" | tr -d "'")
	# shellcheck disable=SC2086 # a list of bytes
	bpftool map update pinned $pins/totals key 0 0 0 0 value $value
}
that "the number of the next event is taken back" take_back 200
maps_say "keep()"
for ((i = 0; i < 3; i++)); do
	fsfreeze -f "$fs"
	fsfreeze -u "$fs"
done
that "... some events are lost, and counted, and those behind are recorded" maps_say \
	"grew('freezes') == 3 and 0 < grew('lost_events') <= 4 and
	count([e for e in events if e['number'] >= kept['totals']['next_event'] + 200], device='$device') ==
	6 - grew('lost_events')"
freezectl observer unload >/dev/null
