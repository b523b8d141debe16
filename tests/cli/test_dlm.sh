# SPDX-License-Identifier: GPL-2.0-only
# Data Lifecycle Manager's contract, for filesystems.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 59

a=11111111-1111-4111-8111-111111111111
b=22222222-2222-4222-8222-222222222222
make_fs ext4
make_fs xfs
fs=("${mounted[ext4]}" "${mounted[xfs]}")

expect 1 "a sync budget that leaves no time to freeze" freezectl dlm pre-script \
	--execution-id $a --timeout 30s --sync-budget 31s "${fs[@]}"
expect 1 "a sync budget that leaves no time for the script" freezectl dlm dry-run \
	--execution-id None --sync-budget 8s "${fs[@]}"
says "it says of what it is a part" "--script-timeout" "8.000 s"
expect 0 "dry-run, with a sync budget" freezectl dlm dry-run --execution-id None --sync-budget 5s "${fs[@]}"
expect 0 "dry-run" freezectl dlm dry-run --execution-id None "${fs[@]}"
that "dry-run touches nothing" unfrozen "${fs[@]}"
expect 0 "pre-script" freezectl dlm pre-script --execution-id $a --timeout 30s --sync-budget 3s \
	"${fs[@]}"
that "frozen" frozen "${fs[@]}"
expect 204 "pre-script again" freezectl dlm pre-script --execution-id $a --timeout 30s "${fs[@]}"
says "it names the lease" "dlm-$a"
expect 204 "another execution's pre-script" freezectl dlm pre-script --execution-id $b "${fs[0]}"
says "it names the lease and its deadline" "dlm-$a" "deadline"
expect 204 "the same, as JSON" freezectl dlm pre-script --json --execution-id $b "${fs[0]}"
that "JSON: the code and the lease" json 'd["code"] == 204 and "dlm-'$a'" in json.dumps(d)'
expect 204 "dry-run sees it too" freezectl dlm dry-run --execution-id None "${fs[@]}"
that "still frozen" frozen "${fs[@]}"
expect 0 "post-script" freezectl dlm post-script --execution-id $a
that "thawed" unfrozen "${fs[@]}"
expect 0 "post-script again, as after a lost answer" freezectl dlm post-script --execution-id $a
says "it says when it had thawed" "was already thawed in time, at"
expect 0 "... as JSON" freezectl dlm post-script --json --execution-id $a
that "... likewise" json 'd["code"] == 0 and "in time" in d["findings"][0]["message"]'
expect 1 "a pre-script of that id that cannot begin" freezectl dlm pre-script --execution-id $a /
expect 205 "... the earlier success is not its own" freezectl dlm post-script --execution-id $a
says "it says when, by whom, and that continuity was fine or not known" freezectl continuity
expect 0 "another pre-script" freezectl dlm pre-script --execution-id $a --timeout 30s "${fs[@]}"
expect 0 "... thawed by an administrator" freezectl thaw --id dlm-$a
expect 205 "... post-script" freezectl dlm post-script --execution-id $a
expect 205 "post-script without a pre-script" freezectl dlm post-script --execution-id $b

expect 0 "pre-script with a short deadline" freezectl dlm pre-script --execution-id $b --timeout 500ms "${fs[@]}"
that "the deadline thaws" within 1500 unfrozen "${fs[@]}"
expect 203 "late post-script" freezectl dlm post-script --execution-id $b
says "it says why" deadline
expect 203 "late post-script, tried again" freezectl dlm post-script --execution-id $b
expect 0 "the next pre-script works" freezectl dlm pre-script --execution-id $b --timeout 30s "${fs[@]}"
expect 0 "and its post-script" freezectl dlm post-script --execution-id $b

fsfreeze -f "${fs[1]}"
expect 204 "a foreign freeze" freezectl dlm pre-script --execution-id $a "${fs[@]}"
that "the others are not frozen" unfrozen "${fs[0]}"
that "the foreign one stays" frozen "${fs[1]}"
fsfreeze -u "${fs[1]}"

expect 0 "pre-script, then somebody else thaws" freezectl dlm pre-script --execution-id $a --timeout 30s "${fs[@]}"
fsfreeze -u "${fs[1]}" 2>/dev/null
if frozen "${fs[1]}"; then	# from 6.6 on nobody else can
	expect 0 "post-script: not broken" freezectl dlm post-script --execution-id $a
	says "it says that continuity is guaranteed" guaranteed
else
	expect 205 "post-script: broken" freezectl dlm post-script --execution-id $a
	says "it says that somebody else thawed" "${fs[1]}"
fi
that "everything is thawed" unfrozen "${fs[@]}"
make_testfs anyone anyone
either=("${fs[0]}" "${mounted[anyone]}")
expect 0 "pre-script, one that anybody can thaw on every kernel" \
	freezectl dlm pre-script --execution-id $a --timeout 30s "${either[@]}"
fsfreeze -u "${mounted[anyone]}"
that "a foreign thaw of one ends the lease at once" within 2000 unfrozen "${either[@]}"
expect 205 "post-script: broken" freezectl dlm post-script --execution-id $a
says "it says which, and by whom" "${mounted[anyone]}" "(fsfreeze)"

make_testfs slowfs freeze=sleep:5000
expect 201 "a freeze longer than the script may take" \
	freezectl dlm pre-script --execution-id $a --script-timeout 1s --timeout 30s "${fs[@]}" "${mounted[slowfs]}"
that "the rest is rolled back" within 1000 unfrozen "${fs[@]}"
that "and the slow one when its freeze returns" within 6000 unfrozen "${mounted[slowfs]}"

expect 0 "with no path: every filesystem on a block device but root" \
	freezectl dlm pre-script --json --execution-id $a --timeout 30s
that "... both of them" frozen "${fs[@]}"
expect 0 "... thawed" freezectl dlm post-script --execution-id $a
modprobe -r freezeguard && modprobe freezeguard watch=N || exit 99
expect 0 "without the watch, one that anybody can thaw" \
	freezectl dlm pre-script --execution-id $a --timeout 30s "${mounted[anyone]}"
expect 0 "... post-script" freezectl dlm post-script --execution-id $a
says "... it warns" "its continuity is unknown"
expect 0 "... again" freezectl dlm pre-script --execution-id $a --timeout 30s "${mounted[anyone]}"
expect 205 "... post-script, if continuity is required" freezectl dlm post-script --require-continuity --execution-id $a
modprobe -r freezeguard

umount "${fs[@]}"
unset "mounted[ext4]" "mounted[xfs]"
expect 206 "nothing to freeze" freezectl dlm pre-script --execution-id $a
