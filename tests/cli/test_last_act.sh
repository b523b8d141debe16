# SPDX-License-Identifier: GPL-2.0-only
# A freeze that outlives freezectl: everything comes before the last act, nothing between it and the exit, and if
# it fails the exit status and standard error report that, whatever was printed.
# On one kernel: it is about the order of freezectl's system calls.
# shellcheck disable=SC2016 # the commands of other shells
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh

[ -e /sys/kernel/tracing/instances ] || mount -t tracefs tracefs /sys/kernel/tracing || exit 99
if ! [ -e /sys/kernel/tracing/events/syscalls ]; then
	plan 1
	pass "the order of system calls # SKIP this kernel traces no system calls"
	exit
fi
plan 19

make_fs ext4
fs=${mounted[ext4]}
modprobe freezeguard || exit 99

# ---- the order ----

# Now and then an emulator that runs its processors in parallel does not survive the changes to code that runs.
for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
	[ ! -e "$cpu" ] || echo 0 >"$cpu" || exit 99
done
trace=/sys/kernel/tracing/instances/last_act
mkdir $trace && echo boot >$trace/trace_clock && echo 1 >$trace/events/syscalls/enable || exit 99

# traced CODE NAME COMMAND...: as expect. $ending gets its last system calls, from the last message that it sent on;
# $before those between its last output and that.
traced() {
	local code=$1 name=$2
	shift 2
	echo >$trace/trace
	expect "$code" "$name" sh -c 'echo $$ >"$0/set_event_pid" && exec "$@"' $trace "$@"
	read -r ending before times < <(awk '
		match($0, /[0-9]+\.[0-9]+: sys_[a-z0-9_]+\(/) {
			split(substr($0, RSTART, RLENGTH - 1), word, ": ")
			name[++n] = substr(word[2], 5)
			time[n] = word[1]
			if (name[n] == "write") written = n
			if (name[n] == "sendto") sent = n
		}
		END {
			for (i = sent; i <= n; i++) ending = ending (i > sent ? "," : "") name[i]
			for (i = written; i <= sent; i++) before = before (i > written ? "," : "") name[i]
			print ending, before, int((time[sent] - time[written]) * 1e6) " us from the output to the last act, " \
				int((time[n] - time[sent]) * 1e6) " us from there to the exit"
		}' $trace/trace)
	echo "# $name: $times: $before | $ending"
}
ends_with() { [[ $ending =~ ^$1$ && $before = write,* ]]; }

traced 0 "freeze" freezectl freeze --id one --timeout 20s "$fs"
that "... the output, the last act, its answer, the exit" ends_with 'sendto(,recvmsg)+,exit_group'
freezectl thaw --id one >/dev/null

traced 0 "freeze --json" freezectl freeze --json --id one --timeout 20s "$fs"
that "... likewise" ends_with 'sendto(,recvmsg)+,exit_group'
freezectl thaw --id one >/dev/null

export FREEZEGUARD_CONFIG=$scratch/conf
mkdir "$scratch/hooks"
printf '%s\n' '[default]' "hooks_dir = $scratch/hooks" "shipped_dir = $scratch/none" "run_dir = $scratch/run" \
	"keep_dir = $scratch/keep" >"$FREEZEGUARD_CONFIG"
printf '#!/bin/sh\n[ "$1" != session ] || { echo READY; read -r _; }\n' >"$scratch/hooks/quiet.session"
chmod 755 "$scratch/hooks/quiet.session"
id=11111111-1111-4111-8111-111111111111
dlm() { freezectl dlm "$1" --execution-id $id "${@:2}"; }

traced 0 "pre-script with an application" freezectl dlm pre-script --execution-id $id --timeout 20s "$fs"
that "... likewise: the supervisor needs no word" ends_with 'sendto(,recvmsg)+,exit_group'
expect 0 "... and post-script" dlm post-script

# Without a lease the last act is the supervisor's word, which nobody answers.
printf 'exclude = %s\n' "$fs" >>"$FREEZEGUARD_CONFIG"
traced 0 "pre-script with nothing but an application" freezectl dlm pre-script --execution-id $id --timeout 20s
that "... likewise" ends_with sendto,exit_group
expect 0 "... and post-script" dlm post-script
rmdir $trace

# ---- a last act that fails: the output is written, and then there is nothing left to keep ----

mkfifo "$scratch/full"
exec 7<>"$scratch/full"

# meanwhile COMMAND FREEZECTL...: FREEZECTL's output waits until COMMAND is done. What it printed to standard
# output is then in $printed, and what to standard error in $out.
meanwhile() {
	local command=$1
	shift
	head -c 65536 /dev/zero >&7
	"$@" >"$scratch/full" 2>"$scratch/error" &
	$command
	head -c 65536 <&7 >/dev/null
	wait $!
	code=$?
	printed=$(timeout 1 cat <&7 | tr -d '\0')
	out=$(<"$scratch/error")
}
# Each gives it a second to get to its output.
thawed_by_another() { within 5000 frozen "$fs" && sleep 1 && freezectl thaw --id gone >/dev/null; }

meanwhile thawed_by_another freezectl freeze --id gone --timeout 20s "$fs"
that "thawed before it could be kept: 201" test "$code" -eq 201
says "... standard error takes the output back, and says who thawed" \
	"although the output reports success" "was ended at" "freezectl"
that "... the output had been written" grep -q "^lease gone: 1 filesystem frozen" <<<"$printed"

meanwhile thawed_by_another freezectl freeze --json --id gone --timeout 20s "$fs"
that "--json: 201" test "$code" -eq 201
says "... on standard error, since the document is written" "although the output reports success" "was ended at"
out=$printed
that "... whose code was another" json 'd["code"] == 0 and d["leases"][0]["id"] == "gone"'

supervisor_killed() { within 5000 pgrep -x freezectl-apps && sleep 2 && pkill -KILL -x freezectl-apps; }
meanwhile supervisor_killed freezectl dlm pre-script --execution-id $id --timeout 20s
that "the supervisor dies before it could be told: 201" test "$code" -eq 201
says "... and so does standard error" "although the output reports success" "its supervisor, process"

# ---- killed around it ----

text=$("$helpers/kill_phases" 24 "$fs" end freezectl freeze --timeout 10s "$fs")
code=$?
printf '%s\n' "$text" | grep '^#'
text=$(printf '%s\n' "$text" | grep -v '^#')
if [ $code -eq 0 ]; then pass "$text"; else fail "$text"; fi
