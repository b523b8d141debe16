# SPDX-License-Identifier: GPL-2.0-only
# freeze, run, thaw and complete with applications: every cell of their table in Documentation/dlm.md, which is
# read from there.
# shellcheck disable=SC2119 # commands without options
# shellcheck source=tests/cli/around.sh
. ./around.sh
table=$(sed -n '/^| before | FREEZE /,/^$/ { /^|/p }' "$top/Documentation/dlm.md" | tail -n +3)
rows=$(grep -c . <<<"$table")
plan $((rows * 4 + 1))

# ---- what happened before: one function for each row ----

frozen_first() { freeze || exit 99; }
thawed_first() { frozen_first; thaw || exit 99; }
before() {
	case $1 in
	nothing) ;;
	"its freeze is live") frozen_first ;;
	"its deadline came") freeze --timeout 1200ms; within 4000 released ;;
	"a thaw ended it in time") thawed_first ;;
	"\`complete\` succeeded") thawed_first; complete ;;
	"a hook failed in \`complete\`") thawed_first; echo 7 >"$scratch/status"; complete ;;
	"no hook asked for \`complete\`") rm "$hooks/20-db.session"; thawed_first ;;
	"\`thaw --abort\` ended it") frozen_first; freezectl thaw --abort --id "$id" ;;
	"\`thaw --all --force\` ended it") frozen_first; freezectl thaw --all --force; within 4000 released ;;
	"another process thawed it")
		target=("${mounted[anyone]}")
		frozen_first
		fsfreeze -u "${mounted[anyone]}"
		within 4000 released
		;;
	"\`run\` succeeded") run ;;
	"the command of \`run\` failed") command=(false); run; command=(true) ;;
	"\`run\` was killed")
		command=(sleep 20); run & victim=$!; command=(true)
		within 8000 frozen "${all_fs[@]}"
		pkill -KILL -P $victim -x freezectl
		wait $victim
		within 4000 released
		;;
	"a foreign freeze is on a target") fsfreeze -f "${all_fs[1]}" ;;
	"another freeze is live") frozen_first; next ;;
	"an application is not ready") hook 30-cache.session 'echo not yet; exit 75' ;;
	"an application's files are on what is not frozen") configure '[hook db]' 'paths = /proc' ;;
	"an application's server is stopped") hook 30-cache.session 'echo STOPPED; exit 75' ;;
	"an application fails at the freeze") hook 30-cache.session 'exit 9' ;;
	"an application failed at the thaw") touch "$scratch/stuck"; frozen_first; thaw; rm "$scratch/stuck" ;;
	"an application was lost meanwhile") frozen_first; kill -KILL "$(<"$scratch/db.pid")"; rm "$scratch/locked" ;;
	"the record of its applications is gone") frozen_first; rm "$scratch/run/$id.json" ;;
	"the supervisor is stopped") frozen_first; stopped=$(supervisor); kill -STOP "$stopped"; wait=1s ;;
	"the supervisor was killed")
		frozen_first
		stopped=$(supervisor)
		kill -KILL "$stopped"
		within 4000 test ! -e "$scratch/locked"
		;;
	"a hook cannot be called") ln -s /nowhere/mysql.session "$hooks/30-mysql.session" ;;
	"nothing to freeze, a hook") nothing_to_freeze ;;
	"nothing to freeze, its hook is called") nothing_to_freeze; frozen_first ;;
	"nothing to freeze, no hook") nothing_to_freeze; rm "$hooks"/* ;;
	"over the module's \`max_holds\`") echo 1 >$parameters/max_holds ;;
	"an error in the command line") bad=(--colour) ;;
	"the module is missing") modprobe -r freezeguard; echo /bin/false >/proc/sys/kernel/modprobe ;;
	*)	echo "no test knows this row"; return 1 ;;
	esac
	return 0
}

nothing_to_freeze() {
	[ ! -e "$scratch/mounts" ] || return 0
	target=(--all)
	umount "${mounted[@]}"
	: >"$scratch/mounts"
}

# Whatever the row was, the next one begins with nothing.
afterwards() {
	if [ ! -d /sys/module/freezeguard ]; then
		echo /sbin/modprobe >/proc/sys/kernel/modprobe
		modprobe freezeguard
	fi
	echo "$max_holds" >$parameters/max_holds
	[ -z "$stopped" ] || kill -CONT "$stopped"
	stopped=
	freezectl thaw --all --force
	fsfreeze -u "${all_fs[1]}"
	within 5000 released
	[ -e "$scratch/mounts" ] || return 0
	rm "$scratch/mounts"
	mount "${loops[0]}" "${all_fs[0]}"
	mount "${loops[1]}" "${all_fs[1]}"
	mount -t fgtestfs -o anyone anyone "${mounted[anyone]}"
}
stopped=
make_testfs anyone anyone		# anybody can thaw it, on every kernel
modprobe freezeguard || exit 99
parameters=/sys/module/freezeguard/parameters
max_holds=$(<$parameters/max_holds)

that "there is a table" test "$rows" -gt 25
while IFS='|' read -r _ row codes; do
	row=$(sed 's/^ *//; s/ *$//' <<<"$row")
	read -r -a codes <<<"${codes//|/ }"
	i=0
	for each in freeze run thaw complete; do
		fresh
		if before "$row" >"$scratch/before" 2>&1; then
			expect "${codes[i]}" "$row: $each" $each "${bad[@]}"
		else
			fail "$row: $each" "$(<"$scratch/before")"
		fi
		i=$((i + 1))
		afterwards >/dev/null 2>&1
	done
done <<<"$table"
