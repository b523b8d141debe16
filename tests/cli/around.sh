# shellcheck shell=bash disable=SC2034,SC2154,SC2119,SC2120 # variables for, and functions of, the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# Applications around freeze, run, thaw and complete: two hooks, two filesystems, the four commands. Sourced by
# test files.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh

hooks=$scratch/hooks.d
log=$scratch/log
export FREEZEGUARD_CONFIG=$scratch/conf
mkdir "$hooks" "$scratch/shipped"
configure() {
	printf '%s\n' '[default]' "hooks_dir = $hooks" "shipped_dir = $scratch/shipped" \
		"run_dir = $scratch/run" "keep_dir = $scratch/keep" "$@" >"$FREEZEGUARD_CONFIG"
}

# hook FILE SCRIPT: its working directory is $scratch
hook() {
	printf '#!/bin/bash\ncd %s\n%s\n' "$scratch" "$2" >"$hooks/$1"
	chmod 755 "$hooks/$1"
}

# A one-shot that knows nothing of complete, and a session that does.
usual_hooks() {
	rm -f "$hooks"/* "$log" "$scratch"/*.pid
	# shellcheck disable=SC2016 # expanded by the hook
	hook 10-web 'echo web $1 >>log; [ $1 = freeze ] || [ $1 = thaw ] || exit 9'
	# shellcheck disable=SC2016
	hook 20-db.session 'case $1 in
check)	exit 0 ;;
complete)
	echo "db complete $FREEZEGUARD_ID $FREEZEGUARD_NOTES" >>log; echo "purged, in ${FREEZEGUARD_TIMEOUT}s"
	exit "$(cat status 2>/dev/null || echo 0)" ;;
esac
echo db $1 >>log; echo $$ >db.pid; : >locked; echo NOTE position=bin.7:42; echo WANTS complete; echo READY
read -r -t "$FREEZEGUARD_LIMIT" why
rm -f locked; echo "db $why" >>log; [ ! -e stuck ] || exit 9'
}

log_is() {
	local text
	text=$(tr '\n' ';' <"$log")
	[ "$text" = "$1" ] || { echo "$text"; return 1; }
}
supervisor() { freezectl apps --id "$id" | sed -n 's/.*by supervisor \([0-9]*\) .*/\1/p'; }
released() { [ ! -e "$scratch/locked" ] && ! compgen -G "$scratch/run/*.sock"; }
ended() { ! kill -0 "$1" 2>/dev/null; }

n=0
next() { n=$((n + 1)) id=row-$n; }
make_fs ext4
make_fs xfs
all_fs=("${mounted[ext4]}" "${mounted[xfs]}")

# ---- the four commands, as the table in dlm.md has them ----

freeze() { freezectl freeze --apps --timeout 30s --id "$id" "$@" "${target[@]}"; }
run() { freezectl run --apps --timeout 30s --id "$id" "$@" "${target[@]}" -- "${command[@]}"; }
thaw() { freezectl thaw --apps --wait "$wait" --id "$id" "$@"; }
complete() { freezectl complete --id "$id" "$@"; }
fresh() {
	next
	usual_hooks
	configure
	rm -f "$scratch/stuck" "$scratch/status"
	target=("${all_fs[@]}") command=(true) wait=10s bad=()
}
