# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# KTAP for tests on this machine whose checks print what is wrong, or nothing. Sourced from the top folder;
# the file itself prints its plan.

number=0 failures=0

# report NAME TEXT: failed if there is a text
report() {
	if [ -z "$2" ]; then
		echo "ok $((++number)) - $1"
	else
		printf '%s\n' "$2" | head -n 40 | sed 's/^/#   /'
		echo "not ok $((++number)) - $1"
		failures=$((failures + 1))
	fi
}
