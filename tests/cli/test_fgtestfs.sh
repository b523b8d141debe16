# SPDX-License-Identifier: GPL-2.0-only
# Freezes and thaws that fail or hang: fgtestfs makes them do so in the real module.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 36

for variant in "" super; do
	a=a$variant b=b$variant c=c$variant
	for name in $a $b $c; do
		make_testfs "$name" "$variant"
	done
	three=("${mounted[$a]}" "${mounted[$b]}" "${mounted[$c]}")
	name=${variant:-plain}

	echo fail:5 >"$(control $b)/freeze"
	expect 201 "$name: the second of three fails to freeze" freezectl freeze --timeout 20s "${three[@]}"
	says "$name: it is named, with the reason" "$b" "Input/output error"
	that "$name: all are thawed" unfrozen "${three[@]}"
	echo ok >"$(control $b)/freeze"

	expect 0 "$name: freeze" freezectl freeze --id "thawfail$variant" --timeout 20s "${three[@]}"
	echo fail:5:7 >"$(control $b)/thaw"
	freezectl monitor --json --timeout 20s >"$scratch/events" 2>&1 &
	monitor=$!
	writers+=("$monitor")
	within 10000 grep -q "thawfail$variant" "$scratch/events"
	expect 202 "$name: a thaw fails seven times: 202 after a bounded wait" \
		freezectl thaw --wait 500ms --id "thawfail$variant"
	says "$name: 202 names it" "$b"
	that "$name: the others are thawed" unfrozen "${mounted[$a]}" "${mounted[$c]}"
	that "$name: it is thawed later" within 6000 unfrozen "${mounted[$b]}"
	expect 202 "$name: the same answer again" freezectl thaw --id "thawfail$variant"
	kill -INT "$monitor"
	wait "$monitor"
	out=$(grep -c '"thaw_failures": *[1-9]' "$scratch/events")
	that "$name: an event for each failure" test "$out" -eq 7

	echo hang >"$(control $b)/freeze"
	began=${EPOCHREALTIME/./}
	expect 201 "$name: one hangs in its freeze beyond the deadline" \
		freezectl freeze --timeout 1s "${three[@]}"
	that "$name: the answer came by the deadline" test $((${EPOCHREALTIME/./} - began)) -le 3000000
	says "$name: it is named" "$b"
	that "$name: the others are thawed" unfrozen "${mounted[$a]}" "${mounted[$c]}"
	echo ok >"$(control $b)/freeze"
	echo 1 >"$(control $b)/release"
	that "$name: the third is thawed the moment its freeze returns" within 1000 unfrozen "${three[@]}"

	expect 0 "$name: freeze again" freezectl freeze --id "hang$variant" --timeout 1s "${three[@]}"
	echo hang >"$(control $b)/thaw"
	that "$name: one hangs in its thaw, the others are thawed by the deadline" \
		within 2000 unfrozen "${mounted[$a]}" "${mounted[$c]}"
	echo ok >"$(control $b)/thaw"
	echo 1 >"$(control $b)/release"
	that "$name: and it, once it can" within 2000 unfrozen "${three[@]}"
done
