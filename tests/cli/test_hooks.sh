# SPDX-License-Identifier: GPL-2.0-only
# Application hooks, with shell scripts in place of applications: every cell of the table in
# Documentation/dlm.md, and what happens to an application if one of the processes is killed or stopped.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 210

hooks=$scratch/hooks.d
log=$scratch/log
export FREEZEGUARD_CONFIG=$scratch/conf
mkdir "$hooks" "$scratch/shipped"
configure() {
	printf '%s\n' '[default]' "hooks_dir = $hooks" "shipped_dir = $scratch/shipped" \
		"run_dir = $scratch/run" "keep_dir = $scratch/keep" "$@" >"$FREEZEGUARD_CONFIG"
}
configure

# hook FILE SCRIPT: its working directory is $scratch
hook() {
	printf '#!/bin/sh\ncd %s\n%s\n' "$scratch" "$2" >"$hooks/$1"
	chmod 755 "$hooks/$1"
}

no_hooks() {
	rm -f "$hooks"/*
	rm -f "$log" "$scratch"/*.pid
}

# The usual two: a one-shot, and a session that is quiet while $scratch/locked is there.
usual_hooks() {
	no_hooks
	hook 10-web "echo web \$1 >>log; echo web heard \$1"
	# shellcheck disable=SC2016 # expanded by the hook
	hook 20-db.session '[ "$1" != check ] || exit 0
echo db $1 >>log; echo $$ >db.pid; : >locked; echo NOTE position=bin.7:42; echo READY
read -r -t "$FREEZEGUARD_LIMIT" why
rm -f locked; echo "db $why" >>log; echo db goes on'
	sed -i '1s,.*,#!/bin/bash,' "$hooks/20-db.session"
}

log_is() {
	local text
	text=$(tr '\n' ';' <"$log")
	[ "$text" = "$1" ] || { echo "$text"; return 1; }
}
# freezectl apps --id: the supervisor of an execution
supervisor() { freezectl apps --id "dlm-$1" | sed -n 's/.*by supervisor \([0-9]*\) .*/\1/p'; }
ended() { ! kill -0 "$1" 2>/dev/null; }
nothing_left() { unfrozen "${fs[@]}" && [ ! -e "$scratch/locked" ] && ! compgen -G "$scratch/run/*.sock"; }

n=0
# The next execution's id, so that no case sees another one's lease.
next() {
	n=$((n + 1))
	id=$(printf '11111111-1111-4111-8111-%012d' $n)
}
dlm() { freezectl dlm "$1" --execution-id "$id" "${@:2}"; }
pre() { dlm pre-script --timeout 30s "${fs[@]}"; }
post() { dlm post-script; }
dry() { dlm dry-run "${fs[@]}"; }

make_fs ext4
make_fs xfs
fs=("${mounted[ext4]}" "${mounted[xfs]}")

# ---- the table, row by row: situation; pre-script, post-script, dry-run ----

usual_hooks
next
expect 0 "nothing: dry-run" dry
says "it says which applications are ready, and which cannot be asked" "app db: is ready" "app web: would be called"
expect 205 "nothing: post-script" post
that "neither called a hook" test ! -e "$log"
expect 0 "nothing: pre-script" pre
says "it shows the applications, and sums them up" "web: web heard freeze" "app db: quiet after" "position=bin.7:42" \
	"applications quiesced: web, db"
that "hooks were called in order" log_is "web freeze;db session;"
that "all is quiet and frozen" frozen "${fs[@]}"
that "the lock is held" test -e "$scratch/locked"

expect 204 "live lease: pre-script" pre
expect 204 "live lease: dry-run" dry
that "nothing was touched" log_is "web freeze;db session;"
expect 0 "live lease: apps" freezectl apps --json
that "it shows them quiet" json '[h["state"] for h in d["hooks"]] == ["quiet", "quiet"]'
expect 0 "live lease: post-script" post
says "it shows what they said then, and not again what before" "db: db goes on" "web: web heard thaw" "app db: released" \
	"applications released: web, db"
that "in reverse order" log_is "web freeze;db session;db thaw;web thaw;"
that "all is released" nothing_left

expect 0 "thawed: post-script again" post
says "it says when" "was already thawed in time, at"
expect 0 "thawed: dry-run" dry
expect 0 "thawed: pre-script" dlm pre-script --json "${fs[@]}"
that "its document has them" json '[(a["name"], a["kind"], a["state"]) for a in d["apps"]] == [("web", "one-shot", "quiet"), ("db", "session", "quiet")] and d["apps"][1]["notes"] == {"position": "bin.7:42"}'
post >/dev/null

usual_hooks
next
expect 0 "expired: the lease" dlm pre-script --timeout 1500ms "${fs[@]}"
that "the deadline releases the application, too" within 2500 nothing_left
that "... in reverse order" log_is "web freeze;db session;db deadline;web thaw;"
expect 203 "expired: post-script" post
expect 203 "expired: post-script again" post
expect 0 "expired: dry-run" dry
expect 0 "expired: pre-script" pre
post >/dev/null

usual_hooks
next
make_testfs anyone anyone		# anybody can thaw it, on every kernel
fs+=("${mounted[anyone]}")
pre >/dev/null
fsfreeze -u "${mounted[anyone]}"
that "broken: the application is released" within 2500 nothing_left
expect 205 "broken: post-script" post
expect 0 "broken: dry-run" dry
expect 0 "broken: pre-script" pre
post >/dev/null
unset "fs[2]"

usual_hooks
next
fsfreeze -f "${fs[1]}"
expect 204 "foreign freeze: pre-script" pre
expect 205 "foreign freeze: post-script" post
expect 204 "foreign freeze: dry-run" dry
that "no hook was called for that" test ! -e "$log"
fsfreeze -u "${fs[1]}"

next
pre >/dev/null
other=$id
next
expect 204 "another execution's lease: pre-script" pre
says "it names the application that is kept" "is already kept quiet for dlm-$other"
expect 205 "another execution's lease: post-script" post
expect 204 "another execution's lease: dry-run" dry
id=$other
expect 0 "the other one is as it was" post

usual_hooks
next
hook 30-cache.session 'echo not yet; exit 75'
expect 206 "not ready: dry-run" dry
that "nothing was touched" test ! -e "$log"
expect 206 "not ready: pre-script" pre
says "it says which, and what it said" "206: cache: is not ready: not yet"
that "the others are released again" log_is "web freeze;db session;db abort;web thaw;"
that "nothing is left" nothing_left
expect 205 "not ready: post-script" post

usual_hooks
next
hook 30-cache.session 'echo no server runs; echo STOPPED; exit 75'
expect 206 "stopped: dry-run" dry
says "it says which key would skip it" "206: cache: is not ready: it is stopped; when_stopped = skip" "no server runs"
expect 206 "stopped: pre-script" pre
says "it says so, too" "206: cache: is not ready: it is stopped; when_stopped = skip"
expect 205 "stopped: post-script" post
# Its files are not compared with what is frozen: it writes nothing.
configure '[hook cache]' 'when_stopped = skip' 'paths = /proc'
rm -f "$log"
expect 0 "stopped, and to be skipped: dry-run" dry
says "it says so" "app cache: is stopped, and would be skipped"
expect 0 "stopped, and to be skipped: pre-script" pre
says "it says so" "applications quiesced: web, db" "applications stopped, and skipped: cache"
expect 0 "stopped, and to be skipped: post-script" post
configure

usual_hooks
next
# shellcheck disable=SC2016
hook 30-cache '[ $1 = thaw ] || { echo disk full; exit 9; }'
expect 0 "failed at the freeze: dry-run cannot know of a one-shot's" dry
expect 201 "failed at the freeze: pre-script" pre
says "it says which, how, and what it said" "201: cache: could not be quiesced" "status 9: disk full"
that "nothing is left" nothing_left
expect 205 "failed at the freeze: post-script" post

usual_hooks
next
# shellcheck disable=SC2016
hook 30-cache '[ $1 = freeze ] || { echo stuck; exit 9; }'
expect 0 "failed at the thaw: pre-script" pre
expect 202 "failed at the thaw: post-script" post
says "it says which" "202: cache: may still be quiesced" "cache: stuck"
that "the others are released" log_is "web freeze;db session;db thaw;web thaw;"
expect 202 "failed at the thaw: post-script again" post
expect 0 "failed at the thaw: dry-run" dry
no_hooks

usual_hooks
next
pre >/dev/null
kill -KILL "$(<"$scratch/db.pid")"
expect 204 "lost: pre-script" pre
expect 204 "lost: dry-run" dry
expect 203 "lost: post-script" post
says "it says that consistency was lost" "203: db: resumed" "consistency was lost"
that "and thawed" unfrozen "${fs[@]}"
expect 203 "lost: post-script again" post
rm -f "$scratch/locked"

# ---- who is killed, or stopped ----

usual_hooks
next
pre >/dev/null
kill -KILL "$(supervisor "$id")"
that "supervisor killed: the session lets go at once, the lease lives" within 1000 test ! -e "$scratch/locked"
that "... it is frozen still" frozen "${fs[@]}"
expect 203 "supervisor killed: post-script" post
that "it calls the one-shot hooks in its place" log_is "web freeze;db session;db ;web thaw;"
expect 203 "supervisor killed: post-script again" post

usual_hooks
next
dlm pre-script --timeout 2s "${fs[@]}" >/dev/null
kill -KILL "$(supervisor "$id")"
that "supervisor killed, no post-script: the deadline thaws" within 4000 unfrozen "${fs[@]}"
next
expect 0 "supervisor killed, no post-script: the next pre-script" pre
says "it does what was left" "died without releasing the applications"
that "... first" log_is "web freeze;db session;db ;web thaw;web freeze;db session;"
post >/dev/null

usual_hooks
next
# shellcheck disable=SC2016
hook 30-slow '[ $1 = thaw ] || sleep 30'
configure "hook_timeout = 30s"
freezectl dlm pre-script --execution-id "$id" --script-timeout 60s "${fs[@]}" >/dev/null &
victim=$!
that "pre-script in its hooks" within 10000 test -e "$scratch/locked"
kill -KILL $victim
that "pre-script killed: all is released" within 5000 log_is "web freeze;db session;db abort;web thaw;"
configure

usual_hooks
next
make_testfs slow freeze=sleep:3000
freezectl dlm pre-script --execution-id "$id" "${fs[@]}" "${mounted[slow]}" >/dev/null &
victim=$!
that "pre-script in its freeze" within 5000 frozen "${fs[@]}"
kill -KILL $victim
that "pre-script killed: all is released" within 6000 nothing_left
within 6000 umount "${mounted[slow]}" && unset "mounted[slow]"

usual_hooks
next
dlm pre-script --timeout 1s "${fs[@]}" >/dev/null
kill -STOP "$(supervisor "$id")"
that "supervisor stopped: the deadline thaws" within 2500 unfrozen "${fs[@]}"
expect 202 "supervisor stopped: post-script" dlm post-script --script-timeout 1s
kill -CONT "$(supervisor "$id")"
that "supervisor goes on: all is released" within 2500 nothing_left
expect 203 "supervisor goes on: post-script" post

no_hooks
next
hook 20-db.session 'echo READY; sleep 0.5; echo ouch; exit 4'
make_testfs slow freeze=sleep:2000
expect 201 "lost before the pre-script is done" dlm pre-script "${fs[@]}" "${mounted[slow]}"
within 6000 umount "${mounted[slow]}" && unset "mounted[slow]"
says "it says so" "201: db: did not stay quiet: its hook ended with status 4: ouch"
that "nothing is left" nothing_left

# ---- who ended it, as hooks are told ----

usual_hooks
next
pre >/dev/null
expect 0 "an administrator thaws" freezectl thaw --id "dlm-$id"
that "... which is no success" within 2500 log_is "web freeze;db session;db abort;web thaw;"
expect 205 "... post-script" post
expect 0 "... dry-run" dry
expect 0 "... pre-script" pre
post >/dev/null

usual_hooks
next
hook 30-cache.session 'echo READY; sleep 0.5; exit 4'
make_testfs slow freeze=sleep:2000
expect 201 "another application is lost before the pre-script is done" dlm pre-script "${fs[@]}" "${mounted[slow]}"
within 6000 umount "${mounted[slow]}" && unset "mounted[slow]"
that "... which is no success" log_is "web freeze;db session;db abort;web thaw;"

# ---- a lease that is extended ----

usual_hooks
next
pre >/dev/null
expect 0 "extend, within the sessions' limit" freezectl extend --id "dlm-$id" 25s
that "... nothing is said" test "${out#*session ends}" = "$out"
expect 0 "extend, beyond it" freezectl extend --id "dlm-$id" 5min
says "... it warns" "db: its session ends at"
expect 0 "... status shows the applications beside their lease" freezectl status
says "... which ends them" "web, db" "with its lease"
post >/dev/null

# ---- a record that is gone ----

usual_hooks
next
pre >/dev/null
rm "$scratch/run/dlm-$id.json"
expect 204 "the record vanished: pre-script" pre
expect 204 "the record vanished: dry-run" dry
expect 203 "the record vanished before the post-script" post
says "... it says of which application nothing is known" "203: db: has a hook, and $scratch/run has no record" "203: web:"
that "... all is released" within 2500 nothing_left
next
expect 0 "no hook was to be called: pre-script" dlm pre-script --no-apps "${fs[@]}"
expect 0 "... post-script" dlm post-script --no-apps
next
dlm pre-script --no-apps "${fs[@]}" >/dev/null
echo '{' >"$scratch/run/dlm-$id.json"
expect 203 "a record that cannot be read: post-script" dlm post-script --no-apps
expect 203 "... again" dlm post-script --no-apps

# ---- bounds ----

usual_hooks
next
hook 30-slow.session 'sleep 30'
begun=${EPOCHREALTIME/./}
expect 201 "a hook that is not quiet within the script timeout" dlm pre-script --script-timeout 2s "${fs[@]}"
took=$(((${EPOCHREALTIME/./} - begun) / 1000))
that "the answer comes before the agent would kill (${took} ms)" test $took -lt 4500
that "nothing is left" nothing_left
no_hooks

# ---- what is refused before anything is touched ----

usual_hooks
next
mv "$hooks" "${fs[0]}/hooks.d"
sed -i "s,^hooks_dir.*,hooks_dir = ${fs[0]}/hooks.d," "$FREEZEGUARD_CONFIG"
expect 1 "hooks on a filesystem that would be frozen" pre
says "it says which, and where" "10-web" "is on ${fs[0]}, which would be frozen"
mv "${fs[0]}/hooks.d" "$hooks"
configure
sed -i "s,^run_dir.*,run_dir = ${fs[0]}/run," "$FREEZEGUARD_CONFIG"
expect 1 "records on a filesystem that would be frozen" pre
expect 1 "... which a post-script writes without hooks as well" dlm pre-script --no-apps "${fs[@]}"
configure "timout = 3s"
expect 1 "a mistake in the configuration" pre
says "it says where" "conf:6: unknown key 'timout'"
configure
chmod 777 "$hooks/10-web"
expect 206 "a hook that others can write" pre
that "nothing was touched" test ! -e "$log"
no_hooks

# ---- what the module, or the machine, would refuse ----

usual_hooks
next
parameters=/sys/module/freezeguard/parameters
# limited PARAMETER VALUE CODE TEXT: no hook is called for what the module refuses
limited() {
	local was
	was=$(<"$parameters/$1")
	echo "$2" >"$parameters/$1"
	expect "$3" "$1 = $2: pre-script" pre
	says "it says so" "$4" "$parameters/$1"
	expect "$3" "$1 = $2: dry-run" dlm dry-run --timeout 30s "${fs[@]}"
	expect "$3" "$1 = $2: plan" freezectl plan --timeout 30s "${fs[@]}"
	expect "$3" "$1 = $2: pre-script without hooks" dlm pre-script --no-apps --timeout 30s "${fs[@]}"
	expect "$3" "$1 = $2: freeze" freezectl freeze --id limited --timeout 30s "${fs[@]}"
	echo "$was" >"$parameters/$1"
}
limited max_timeout_ms 20000 1 "the timeout of 30s is longer than the module allows, 20s"
limited max_holds 1 1 "2 filesystems are more than the module allows in one lease, 1"
limited max_leases 0 206 "0 leases are live, as many as the module allows"
# Not to be locked in memory, as root of a container.
unlocked() { (ulimit -l 64 && exec setpriv --bounding-set -ipc_lock freezectl "$@"); }
expect 201 "memory that cannot be locked: pre-script" unlocked dlm pre-script --execution-id "$id" "${fs[@]}"
says "it says so" "cannot lock this program in memory"
expect 201 "memory that cannot be locked: dry-run" unlocked dlm dry-run --execution-id "$id" "${fs[@]}"
expect 205 "over a limit: post-script" post
that "no hook was called for any of these" test ! -e "$log"
no_hooks

# ---- hooks that would silently not be called ----

next
expect 0 "no hook at all: pre-script" pre
says "it says that no application is quiesced" "applications quiesced: none; there is no hook"
expect 0 "... post-script" dlm post-script --json
that "... as JSON" json 'd["apps"] == []'
expect 0 "no hook at all: dry-run" dry
says "it says so, too" "no application would be quiesced: there is no hook"
usual_hooks
next
ln -s /nowhere/mysql.session "$hooks/30-mysql.session"
expect 206 "a link that leads nowhere: pre-script" pre
says "it names it, and what helps" "30-mysql.session: is not run: it links to /nowhere/mysql.session, which does not exist" "rm $hooks"
expect 206 "a link that leads nowhere: dry-run" dry
rm "$hooks/30-mysql.session"
chmod 644 "$hooks/20-db.session"
expect 206 "a hook without its x bit: pre-script" pre
says "it says what helps" "it is not executable; chmod 755 $hooks/20-db.session"
expect 206 "... --app names it" dlm pre-script --app db "${fs[@]}"
configure '[hook billing]' 'timeout = 1s'
expect 206 "a section without a hook: pre-script" pre
says "it names the line" "conf:7: is not run: [hook billing]"
configure
sed -i 's,^hooks_dir.*,hooks_dir = /nowhere/hooks.d,' "$FREEZEGUARD_CONFIG"
expect 1 "a hooks_dir that is not there: pre-script" pre
says "it says so" "there is no directory /nowhere/hooks.d"
configure
that "nothing was touched" test ! -e "$log"
no_hooks

# ---- without a filesystem; which hooks ----

usual_hooks
umount "${fs[@]}"
unset "mounted[ext4]" "mounted[xfs]"
next
rm -f "$log"
echo 20000 >$parameters/max_timeout_ms
expect 1 "only a root filesystem: the module's bound holds for hooks, too" dlm pre-script --timeout 30s
echo 600000 >$parameters/max_timeout_ms
that "... none was called" test ! -e "$log"
expect 0 "only a root filesystem, and hooks" dlm pre-script
says "it warns, and syncs" "no filesystem is frozen" "was synced, the root filesystem at least"
expect 204 "... again" dlm pre-script
expect 0 "... status" freezectl status
says "... shows them, and what ends them" "QUIET FOR" "web, db" "freezectl thaw --id dlm-$id"
expect 0 "... status --quiet" freezectl status --quiet
expect 0 "... status --quiet --id" freezectl status --quiet --id "dlm-$id"
expect 3 "... status --quiet of another id" freezectl status --quiet --id other
expect 0 "... post-script" post
expect 3 "... status --quiet after it" freezectl status --quiet
expect 0 "... post-script again" post
says "... it says when" "were already released in time, at"
next
dlm pre-script >/dev/null
expect 0 "... status --id" freezectl status --json --id "dlm-$id"
that "... has them" json '[a["name"] for a in d["sessions"][0]["apps"]] == ["web", "db"]'
expect 0 "... thaw --id" freezectl thaw --id "dlm-$id"
says "... releases them" "applications released: web, db"
expect 205 "... which is no success: post-script" post
next
dlm pre-script >/dev/null
expect 0 "... thaw --all --force" freezectl thaw --all --force
that "... releases them" within 2500 test ! -e "$scratch/locked"
expect 0 "... thaw --all --force: nothing is left" freezectl thaw --all --force
says "... it says so" "no application is kept quiet"
next
expect 0 "... with a short deadline" dlm pre-script --timeout 3s
that "... the supervisor keeps it" within 5000 test ! -e "$scratch/locked"
expect 203 "... post-script" post
expect 206 "--no-apps: nothing to do" dlm pre-script --no-apps
expect 206 "--app: there is no such hook" dlm pre-script --app oracle
mv "$hooks/20-db.session" "$scratch/shipped/db.session"
next
rm -f "$log"
expect 0 "--app: one that comes with freezeguard" dlm pre-script --app db
that "no other is called" log_is "db session;"
expect 0 "... post-script" post

# ---- without the module ----

usual_hooks
next
rm -f "$log"
make_fs ext4 other
fs=("${mounted[other]}")
configure "[profile night]" "app = db"
expect 0 "freeze, with a profile that names an application" \
	freezectl freeze --profile night --id night --timeout 10s "${fs[@]}"
says "it is quiesced" "applications quiesced: db"
expect 0 "... thawed" freezectl thaw --id night
rm -f "$log"
configure
expect 0 "unloading the module" modprobe -r freezeguard
echo /bin/false >/proc/sys/kernel/modprobe
expect 206 "the module is missing: pre-script" pre
says "it says how to load it" modprobe
expect 206 "the module is missing: post-script" post
expect 206 "the module is missing: dry-run" dry
that "no hook was called" test ! -e "$log"
echo /sbin/modprobe >/proc/sys/kernel/modprobe
modprobe freezeguard
