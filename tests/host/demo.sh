#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make demo as a test: the demo checks its own claims, and prints how many were wrong.
set -u
cd "$(dirname "$0")/../.." || exit 1
echo 1..2
output=$(tools/demo/run 2>&1)
code=$?
printf '%s\n' "$output" | sed 's/^/# /'
if [ $code -eq 0 ]; then echo "ok 1 - the demo ends with 0"; else echo "not ok 1 - the demo ends with $code"; fi
if [[ $output == *"== Done: 0 problems"* ]]; then
	echo "ok 2 - it told its stories to the end"
else
	echo "not ok 2 - it told its stories to the end"
	code=1
fi
exit $code
