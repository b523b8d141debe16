#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How tests/run reads a suite's output: how many tests passed, failed and were skipped, what it shows at
# once, and what it repeats at the end.
set -u
cd "$(dirname "$0")/../.." || exit 1

number=0 failures=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
printf 'log %s\n' {1..12} >"$tmp/log"
log_tail=$(printf '    log %s\n' {3..12})

# counted NAME STATUS COUNTS TOLD REPEATED: of the output on standard input
counted()
{
	local name=$1 status=$2 found
	shift 2
	: >"$tmp/repeated"
	awk -f tests/count.awk -v suite=s -v status="$status" -v log_file="$tmp/log" \
		-v failures="$tmp/repeated" >"$tmp/counts" 2>"$tmp/told"
	number=$((number + 1))
	found=$(diff <(printf '%s\n' "$1" "told: $2" "repeated: $3") <(printf '%s\n' \
		"$(<"$tmp/counts")" "told: $(<"$tmp/told")" "repeated: $(<"$tmp/repeated")")) && {
		echo "ok $number - $name"
		return
	}
	printf '%s\n' "$found" | sed 's/^/# /'
	echo "not ok $number - $name"
	failures=$((failures + 1))
}

echo "1..9"
counted "passes, skips and a suite's own notes" 0 "2 0 1" "s: ok 3 - c # SKIP no such thing" "" <<'EOF'
KTAP version 1
1..3
# a note
ok 1 - a
    ok 2 - b
# another
ok 3 - c # SKIP no such thing
EOF
counted "a failure is repeated with the notes before it, and no others" 1 "2 1 0" \
	"s: not ok 2 - b" $'s: not ok 2 - b\n    # why\n    # where' <<'EOF'
1..3
# of a
ok 1 - a
# why
# where
not ok 2 - b
# of c
ok 3 - c
EOF
counted "... or with those behind it, if there are none before" 1 "0 3 0" \
	$'s: not ok 1 - a\ns: not ok 2 - b\ns: not ok 3 - c' \
	$'s: not ok 1 - a\n    # of a\ns: not ok 2 - b\n    # of b\ns: not ok 3 - c' <<'EOF'
# the program
1..3
not ok 1 - a
# of a
not ok 2 - b
# of b
not ok 3 - c
EOF
counted "... the last ten of them" 1 "0 1 0" "s: not ok 1 - a" \
	"s: not ok 1 - a"$'\n'"$(printf '    # %s\n' {3..12})" < <(
	echo 1..1
	printf '# %s\n' {1..12}
	echo "not ok 1 - a")
counted "tests that did not report, with the log's end" 125 "1 2 0" \
	"s: 2 announced tests did not report" \
	$'s: 2 announced tests did not report\n'"$log_tail" <<'EOF'
1..3
ok 1 - a
1..0
EOF
counted "an error although all tests are ok" 3 "1 1 0" "s: ended with status 3" \
	$'s: ended with status 3\n'"$log_tail" <<'EOF'
1..1
ok 1 - a
EOF
counted "no test at all" 0 "0 1 0" "s: ran no test" $'s: ran no test\n'"$log_tail" <<'EOF'
TAP version 14
1..0
EOF
counted "a suite that says why it can't run" 0 "0 0 1" "s: 1..0 # SKIP no kernel 6.1 to boot" "" <<'EOF'
TAP version 14
1..0 # SKIP no kernel 6.1 to boot
EOF
number=$((number + 1))
for named in ssm $'ssm\nssm'; do
	# shellcheck disable=SC2086 # words
	CHECK_OUTPUT=$tmp tests/run $named >"$tmp/out.${#named}" 2>&1
done
if grep -q '^[1-9][0-9]* passed' "$tmp/out.3" && [ "$(tail -n 1 "$tmp/out.3")" = "$(tail -n 1 "$tmp/out.7")" ]; then
	echo "ok $number - a suite that is named twice counts once"
else
	sed 's/^/# /' "$tmp/out.7"
	echo "not ok $number - a suite that is named twice counts once"
	failures=$((failures + 1))
fi
[ $failures = 0 ]
