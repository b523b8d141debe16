# SPDX-License-Identifier: GPL-2.0-only
# On one kernel: what is kept of ended leases is userspace's, but for one line of the module
# The history that survives, the lines of the logs, and status --quiet.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 56

make_fs ext4
make_fs xfs
fs=("${mounted[ext4]}" "${mounted[xfs]}")
# Other tests in this guest have leases of their own, which the module remembers.
a=55555555-5555-4555-8555-555555555555
file=/var/lib/freezeguard/history
rm -rf ${file%/*}
log=$scratch/log

# As a syslog daemon: each datagram is a line of $log.
rm -f /dev/log
python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
with open(sys.argv[1], "ab", 0) as out:
    while True:
        out.write(s.recv(65536) + b"\n")' "$log" &
daemon=$!
trap 'kill -CONT $daemon; kill $daemon; cleanup' EXIT
within 5000 test -S /dev/log

# once ID [N]: the history and the log have N leases of that name, by default one
once() {
	[ "$(grep -c "\"id\":\"$1\"" "$file")" = "${2:-1}" ] && [ "$(grep -c "lease $1 " "$log")" = "${2:-1}" ]
}

kernel_says() { dmesg | grep -q "$1"; }

expect 3 "quiet: nothing is held" freezectl status --quiet
expect 3 "quiet: a path that is not" freezectl status --quiet "${fs[0]}"
expect 0 "a lease" freezectl freeze --id kept --timeout 30s "${fs[0]}"
expect 0 "quiet: something is held" freezectl status --quiet
that "quiet: nothing is printed" test -z "$out"
expect 0 "quiet: the lease is live" freezectl status --quiet --id kept
expect 3 "quiet: no such lease" freezectl status --quiet --id other
expect 0 "quiet: one of two paths is held" freezectl status --quiet "${fs[1]}" "${fs[0]}"
expect 1 "quiet: a path that is not there" freezectl status --quiet /nowhere "${fs[0]}"
expect 1 "quiet: prints no JSON" freezectl status --quiet --json
that "a live lease is not in the history" test ! -e $file
expect 0 "thawed" freezectl thaw --id kept
that "it is in the history and in the log" once kept
that "the log: what matters" grep -q "<29>.* freezectl\[[0-9]*\]: lease kept (number [0-9]*) ended at .* by request; frozen for .*; continuity .*; filesystems: ${fs[0]}; applications: -" "$log"
expect 3 "quiet: the lease has ended" freezectl status --quiet --id kept
fsfreeze -f "${fs[0]}"
expect 4 "quiet: frozen by others" freezectl status --quiet "${fs[1]}" "${fs[0]}"
expect 3 "quiet: which is no lease" freezectl status --quiet
fsfreeze -u "${fs[0]}"

expect 0 "run" freezectl run --id ran --timeout 30s "${fs[@]}" -- true
that "run is in both" once ran
fsfreeze -f "${fs[1]}"
expect 204 "a freeze that is refused is no lease" freezectl freeze --id refused --timeout 30s "${fs[@]}"
fsfreeze -u "${fs[1]}"
that "it is in neither" once refused 0

expect 0 "a lease until its deadline" freezectl freeze --id forgotten --timeout 500ms "${fs[0]}"
that "the deadline thaws" within 3000 unfrozen "${fs[0]}"
that "the kernel's log says so" within 3000 kernel_says "freezeguard: lease forgotten (number [0-9]*) has reached its deadline"
that "nobody has written it yet" once forgotten 0
expect 0 "the next lease" freezectl run --timeout 30s "${fs[0]}" -- true
that "adds what it sees was missed" once forgotten
that "as a warning" grep -q "<28>.*lease forgotten .* by deadline" "$log"
expect 0 "another one" freezectl freeze --id shown --timeout 500ms "${fs[0]}"
that "thaws, too" within 3000 unfrozen "${fs[0]}"
expect 0 "history" freezectl history
says "history shows all of them" kept ran forgotten shown deadline request
that "and has added it" once shown
expect 0 "history as JSON" freezectl history --json --id forgotten
that "history as JSON: one lease, its cause" json \
	'[e["cause"] for e in d["history"]] == ["deadline"] and d["history"][0]["filesystems"][0]["path"] == "'"${fs[0]}"'"'

expect 0 "pre-script" freezectl dlm pre-script --execution-id $a --timeout 500ms "${fs[@]}"
that "its deadline thaws" within 3000 unfrozen "${fs[@]}"
expect 203 "a late post-script" freezectl dlm post-script --execution-id $a
expect 203 "and another" freezectl dlm post-script --execution-id $a
that "it is in both once" once dlm-$a

# With applications the supervisor writes it, whoever has ended the lease.
mkdir "$scratch/hooks.d"
printf '%s\n' '#!/bin/sh' 'echo READY' 'read -r why' >"$scratch/hooks.d/10-web.session"
chmod 755 "$scratch" "$scratch/hooks.d/10-web.session"
printf '[default]\nhooks_dir = %s/hooks.d\nrun_dir = %s/run\nkeep_dir = %s/keep\n' "$scratch" "$scratch" "$scratch" \
	>"$scratch/conf"
export FREEZEGUARD_CONFIG=$scratch/conf
file=$scratch/keep/history
b=22222222-2222-4222-8222-222222222222
expect 0 "pre-script with a hook" freezectl dlm pre-script --execution-id $b --timeout 30s "${fs[0]}"
expect 0 "ended by thaw" freezectl thaw --id dlm-$b
that "is in both" within 5000 once dlm-$b
that "with its application" grep -q '"id":"dlm-'$b'".*"applications":\[{"name":"web","state":"released"}\]' "$file"
that "and the log has it, too" grep -q "lease dlm-$b .*; applications: web released" "$log"

# The history lies on what somebody else has frozen.
printf '[default]\nkeep_dir = %s/keep\n' "${fs[1]}" >"$scratch/conf"
export FREEZEGUARD_CONFIG=$scratch/conf
file=${fs[1]}/keep/history
expect 0 "a lease whose history lies elsewhere" freezectl run --timeout 30s "${fs[0]}" -- true
fsfreeze -f "${fs[1]}"
expect 0 "a lease" freezectl freeze --id stuck --timeout 30s "${fs[0]}"
begin=$(date +%s%N)
expect 0 "is thawed while the history is frozen" freezectl thaw --id stuck
that "without waiting for it" test $((($(date +%s%N) - begin) / 1000000)) -lt 5000
that "its filesystem is thawed" unfrozen "${fs[0]}"
fsfreeze -u "${fs[1]}"
that "the history gets it when it can" within 5000 once stuck

kill -STOP $daemon
python3 -c 'import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setblocking(False)
try:
    while True:
        s.sendto(b"full", "/dev/log")
except BlockingIOError:
    pass'
expect 0 "a lease" freezectl run --id full --timeout 30s "${fs[0]}" -- true
that "the history has it though the log is full" grep -q '"id":"full"' "$file"
kill -CONT $daemon

unset FREEZEGUARD_CONFIG
rmmod freezeguard
expect 0 "history without the module" freezectl history --since 1h
says "has the leases of before" kept forgotten
that "and does not load it" test ! -d /sys/module/freezeguard
