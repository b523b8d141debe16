# SPDX-License-Identifier: GPL-2.0-only
# What the observer costs a writer that nothing stops: no program is run for it, and it is as fast as
# without. OBSERVER_PAIRS: how often the observer is loaded and unloaded to compare.
# shellcheck disable=SC2154 # variables of the library
# shellcheck source=tests/observer/lib.sh
. ./lib.sh
pairs=${OBSERVER_PAIRS:-2}
plan 10

expedite
make_fs ext4
make_fs xfs
make_testfs memory
fs=${mounted[ext4]}
before=$scratch/before after=$scratch/after

# ---- by construction ----

# runs FILE: of each program, how often it was run
runs() {
	bpftool prog list | awk '/: tracing / {
		runs = 0
		for (i = 5; i < NF; i++) if ($i == "run_cnt") runs = $(i + 1)
		print $4, runs
	}' | sort >"$1"
}
# was_run: programs that were run between the two looks, and how often
was_run() {
	join "$before" "$after" | awk '$2 != $3 { print $1, $3 - $2 }'
}
# none_runs NAME N DIRECTORY: nor may the machine run any on the way. What it does by itself may, so it is
# believed if one of three tries is without.
none_runs() {
	local try ran=
	for try in 1 2 3; do
		runs "$before"
		"$observer_helpers/unblocked" count "$2" "$3" || return
		runs "$after"
		ran=$(was_run)
		[ -n "$ran" ] || break
		echo "# try $try: $ran"
	done
	[ -z "$ran" ]
}

freezectl observer load >/dev/null || exit 99
sysctl -qw kernel.bpf_stats_enabled=1
fsfreeze -f "$fs"
runs "$before"
write_once "$fs"
that "a writer blocks" within 10000 blocked "$writer"
runs "$after"
that "... which one program is run for" test "$(was_run)" = "wait_begins 1"
fsfreeze -u "$fs"
that "... and goes on" within 10000 test -e "$written"
that "10,000 writes that don't, and as many creations, faults, renames, syncs and removals: no program is run" \
	none_runs memory 10000 "${mounted[memory]}"
that "on ext4" none_runs ext4 300 "$fs"
that "on xfs" none_runs xfs 300 "${mounted[xfs]}"
that "no program was left out" test "$(wc -l <"$after")" -eq "$(programs)"
sysctl -qw kernel.bpf_stats_enabled=0

# ---- as measured ----

# measure NAME: lines of that name
measure() {
	"$observer_helpers/unblocked" speed 15 "$fs" | sed "s/^/$1 /" >>"$scratch/speeds"
}
measure with
for ((i = 0; i < pairs; i++)); do
	freezectl observer unload >/dev/null
	measure without
	freezectl observer load >/dev/null
	measure with
done
# The ratio of each pair of neighbours, which are a load or an unload apart.
ratios=$(awk 'function median(a, n,   i, j, x) {
		for (i = 2; i <= n; i++) { x = a[i]; for (j = i - 1; j > 0 && a[j] > x; j--) a[j + 1] = a[j]; a[j + 1] = x }
		return a[int((n + 1) / 2)]
	}
	{ block = int((NR - 1) / 15); speed[block, (NR - 1) % 15 + 1] = $2; name[block] = $1 }
	END {
		for (b = 0; b <= block; b++) { for (i = 1; i <= 15; i++) a[i] = speed[b, i]; of[b] = median(a, 15) }
		for (b = 1; b <= block; b++) ratio[b] = name[b] == "with" ? of[b] / of[b - 1] : of[b - 1] / of[b]
		m = median(ratio, block)
		printf "%.3f %.3f %.3f %d", m, ratio[1], ratio[block], block
	}' "$scratch/speeds")
read -r median least most n <<<"$ratios"
echo "# writes with the observer over without: median $median of $n pairs, from $least to $most"
that "as many pairs as planned" test "$n" -eq $((2 * pairs))
that "a write is as fast as without, within 10 %" awk -v m="$median" 'BEGIN { exit !(m > 0.9 && m < 1.1) }'
freezectl observer unload >/dev/null
that "unloaded" test ! -e $pins
