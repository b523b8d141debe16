# SPDX-License-Identifier: GPL-2.0-only
# The observer's cost for a writer that nothing stops: no program runs for it, and it is as fast as without
# the observer. OBSERVER_PAIRS: how often the observer is loaded and unloaded for the comparison.
# shellcheck disable=SC2154 # variables of the library
# shellcheck source=tests/observer/lib.sh
. ./lib.sh
pairs=${OBSERVER_PAIRS:-3}
plan 9

expedite
make_fs ext4
make_fs xfs
fs=${mounted[ext4]}
before=$scratch/before after=$scratch/after

# ---- by construction ----

# runs FILE: of each program, how often it was run
runs() {
	bpftool prog list | awk '/: (tracing|kprobe) / {
		runs = 0
		for (i = 5; i < NF; i++) if ($i == "run_cnt") runs = $(i + 1)
		print $4, runs
	}' | sort >"$1"
}
# was_run: programs that were run between the two looks, and how often
was_run() {
	join "$before" "$after" | awk '$2 != $3 { print $1, $3 - $2 }'
}
# none_runs N DIRECTORY: nor may the machine run any on the way. What it does by itself may, so it is
# believed if one of three tries is without.
none_runs() {
	local try ran=
	for try in 1 2 3; do
		runs "$before"
		"$observer_helpers/unblocked" count "$1" "$2" || return
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
that "... which the programs for that are run for" test "$(was_run | tr "\n" " ")" = "wait_begins 1 wait_begins_probe 1 "
fsfreeze -u "$fs"
that "... and goes on" within 10000 test -e "$written"
that "10,000 creations, writes, faults, renames and removals that don't, with a sync now and then: none is run" \
	none_runs 10000 "$fs"
that "... nor on xfs" none_runs 1000 "${mounted[xfs]}"
that "no program was left out" test "$(wc -l <"$after")" -eq "$(programs)"
sysctl -qw kernel.bpf_stats_enabled=0

# ---- as measured ----

# measure NAME: a line "NAME NANOSECONDS", the fastest of three processes: some are slower for as long as
# they live, by where their memory lies and what else runs on their processor
measure() {
	echo "$1 $(for _ in 1 2 3; do "$observer_helpers/unblocked" speed 2000 "$fs"; done | sort -n | head -n 1)" \
		>>"$scratch/speeds"
}
measure with
: >"$scratch/speeds"	# that was the first, for the caches
measure with
for ((i = 0; i < pairs; i++)); do
	freezectl observer unload >/dev/null
	measure without
	freezectl observer load >/dev/null
	measure with
done
# Of neighbours, which are a load or an unload apart: how fast with it, over without.
awk 'NR > 1 { print $1 == "with" ? last / $2 : $2 / last } { last = $2 }' "$scratch/speeds" | sort -n >"$scratch/ratios"
n=$(wc -l <"$scratch/ratios")
median=$(sed -n "$(((n + 1) / 2))p" "$scratch/ratios")
# What else the machine does makes a measurement slower, never faster.
fastest=$(awk '!($1 in best) || $2 < best[$1] { best[$1] = $2 }
	END { print best["without"] / best["with"] }' "$scratch/speeds")
echo "# 16 writes: $(tr '\n' ' ' <"$scratch/speeds")"
echo "# throughput with the observer over without: of the fastest $fastest; of $n pairs, median $median, from $(head -n 1 "$scratch/ratios") to $(tail -n 1 "$scratch/ratios")"
that "as many pairs as planned" test "$n" -eq $((2 * pairs))
that "the fastest is as fast as without, within 15 %" awk -v r="$fastest" 'BEGIN { exit !(r > 0.85 && r < 1.15) }'
freezectl observer unload >/dev/null
that "unloaded" test ! -e $pins
