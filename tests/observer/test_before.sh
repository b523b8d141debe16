# SPDX-License-Identifier: GPL-2.0-only
# A load finds what was frozen before, whatever process froze it, and the tasks that wait for it.
# shellcheck disable=SC2154 # variables of the library
# shellcheck source=tests/observer/lib.sh
. ./lib.sh
plan 23

expedite
make_fs ext4
make_fs xfs
make_fs ext4 other
by_hand=$(device_of "${mounted[ext4]}")
by_lease=$(device_of "${mounted[xfs]}")
thawed=$(device_of "${mounted[other]}")

fsfreeze -f "${mounted[ext4]}"
freezectl freeze --id before --timeout 60s "${mounted[xfs]}" >/dev/null
write_once "${mounted[ext4]}"
that "a writer is blocked" within 5000 blocked "$writer"

expect 0 "load" freezectl observer load --json
that "... finds two" json 'd["frozen_before"] == 2 and d["findings"] == []'
that "one was frozen by nobody knows whom" in_map "$by_hand" \
	'e["state"] == "FW_STATE_FROZEN" and e["origin"] == "FW_ORIGIN_UNKNOWN" and e["by"]["pid"] == 0 and e["since_ns"] == 0'
that "... its filesystem is known" in_map "$by_hand" 'e["filesystem"] == "ext4" and e["source"].startswith("/dev/loop")'
that "... and how many wait" in_map "$by_hand" 'e["blocked"] == e["blocked_before"] == 1'
that "... and who" grep -q "^ *$writer .* $by_hand .*before the observer" $pins/blocked
that "the other one by a lease" in_map "$by_lease" \
	'e["origin"] == "FW_ORIGIN_LEASE" and e["lease"]["number"] and e["lease"]["id"] == "before" and e["lease"]["maker_comm"] == "freezectl"'
that "... since when is known, and until when" in_map "$by_lease" 'e["frozen_ns"] < e["lease"]["deadline_ns"]'
deadline=$(ask - "frozen['$by_lease']['lease']['deadline_ns']")
freezectl extend --id before 120s >/dev/null
that "... also when it is put off" in_map "$by_lease" "e['lease']['deadline_ns'] > $deadline + 20 * 10**9"
that "what is not frozen is not there" not_in_map "$thawed"
that "status shows both" test "$(grep -c frozen $pins/status)" -eq 2

# An upgrade, with what blocked before either of them and what blocked since.
freezectl observer unload >/dev/null
freezectl observer load >/dev/null
first=$writer
write_once "${mounted[ext4]}"
that "another writer is blocked" within 5000 blocked "$writer"
expect 0 "replace" freezectl observer load --replace --json
that "... still knows both" json 'd["frozen_before"] == 2'
that "... and the writers" test "$(grep -cE "^ *($first|$writer) " $pins/blocked)" -eq 2
that "... two of them" in_map "$by_hand" 'e["blocked"] == 2'

fsfreeze -u "${mounted[ext4]}"
expect 0 "thaw" freezectl thaw --id before
that "nothing is said to be frozen" test "$(grep -c frozen $pins/status)" -eq 0
that "... nor anybody to wait" within 5000 test -e "$written"
that "... in the list" test "$(tail -n +2 $pins/blocked | wc -l)" -eq 0
expect 0 "show" freezectl observer show --json
that "... waits that ended unseen are not counted as ended" json 'd["totals"]["stall"]["longest_ns"] == 0'
