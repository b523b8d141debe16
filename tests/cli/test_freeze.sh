# SPDX-License-Identifier: GPL-2.0-only
# Freeze and thaw of each filesystem, of all at once, and of one that another tool froze.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 49

for fs in ext4 xfs btrfs; do
	make_fs $fs
	path=${mounted[$fs]}
	expect 0 "$fs: freeze" freezectl freeze --id "one-$fs" --timeout 30s "$path"
	that "$fs: is frozen" frozen "$path"
	write_once "$path"
	that "$fs: a writer blocks" within 2000 blocked "$writer"
	expect 0 "$fs: status" freezectl status
	says "$fs: status shows the lease and the blocked writer" "one-$fs" "$path" "$writer"
	expect 0 "$fs: thaw" freezectl thaw --id "one-$fs"
	that "$fs: is thawed" unfrozen "$path"
	that "$fs: the writer goes on" within 2000 test -e "$written"
done

all=("${mounted[ext4]}" "${mounted[xfs]}" "${mounted[btrfs]}")
expect 0 "one lease over all three" freezectl freeze --id all --timeout 30s "${all[@]}"
that "all three are frozen" frozen "${all[@]}"
expect 0 "status as JSON" freezectl status --json
that "status as JSON: one lease of three filesystems" json \
	'len(d["leases"]) == 1 and d["leases"][0]["id"] == "all" and len(d["leases"][0]["filesystems"]) == 3'
expect 204 "the id is taken" freezectl freeze --id all --timeout 30s "${all[0]}"
expect 0 "the deadline can be moved" freezectl extend --id all 40s
expect 0 "thawed together, by one of the paths" freezectl thaw "${all[1]}"
that "all three are thawed" unfrozen "${all[@]}"
expect 205 "thawing it again" freezectl thaw --id all
says "thawing it again: says by whom" freezectl

for fs in ext4 xfs btrfs; do
	dd if=/dev/zero of="${mounted[$fs]}/dirty" bs=1M count=8 status=none
done
expect 0 "written back before, within a budget" \
	freezectl freeze --id synced --timeout 60s --sync-budget 20s "${all[@]}"
that "all three are frozen then" frozen "${all[@]}"
expect 0 "and thawed" freezectl thaw --id synced
expect 0 "run has the option, too" \
	freezectl run --timeout 60s --sync-budget 20s "${all[0]}" -- true
expect 1 "a budget that leaves no time to freeze" \
	freezectl freeze --timeout 30s --sync-budget 30s "${all[@]}"
says "it says why" "--sync-budget" "--timeout"
that "and touches nothing" unfrozen "${all[@]}"

fsfreeze -f "${mounted[xfs]}"
expect 204 "the second of three is frozen by fsfreeze" \
	freezectl freeze --id three --timeout 30s "${all[@]}"
says "it is named" "${mounted[xfs]}"
that "the first and the third are not frozen" unfrozen "${mounted[ext4]}" "${mounted[btrfs]}"
that "the second is left to its owner" frozen "${mounted[xfs]}"
expect 205 "freezectl does not thaw it" freezectl thaw "${mounted[xfs]}"
that "it is still frozen" frozen "${mounted[xfs]}"
fsfreeze -u "${mounted[xfs]}"

expect 0 "the same path twice is one hold" \
	freezectl freeze --json --id twice --timeout 30s "${all[0]}" "${all[0]}/" "${all[0]}/lost+found"
expect 0 "... and one filesystem" freezectl status --id twice --json
