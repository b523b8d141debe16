#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The promises of tools/vm-run: streams, exit statuses, and that no trouble in a guest looks like success.
# Runs on the host, since it starts guests. VM_RUN_KERNEL chooses the kernel.
set -u
cd "$(dirname "$0")/../.." || exit 1

kernel=${VM_RUN_KERNEL:-$(tools/guest/list default)}
count=0
failed=0
tmp=$(mktemp -d)
started=
trap '[ -z "$started" ] || kill -KILL $started 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The wait for a free guest may be long; what runs in it may not. One processor boots faster.
vm() { timeout -k 5 900 tools/vm-run --kernel "$kernel" --timeout 60 --cpus 1 "$@"; }

# Waits, 60 s at most, until the command succeeds.
wait_until()
{
	local i
	for ((i = 0; i < 600; i++)); do
		"$@" && return
		sleep 0.1
	done
	return 1
}

# check NAME COMMAND...: one test, passed if the command succeeds.
check()
{
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		cat "$tmp"/err* 2>/dev/null | sed 's/^/# /' | tail -n 40
		echo "not ok $count - $name"
		failed=$((failed + 1))
	fi
	rm -f "$tmp"/err*
}


streams()
{
	head -c 5000000 /dev/urandom >"$tmp/in"
	# shellcheck disable=SC2016 # the guest's shell expands them
	vm -- sh -c 'cat; echo error >/dev/stderr; exit 7' <"$tmp/in" >"$tmp/out" 2>"$tmp/err"
	[ $? = 7 ] && cmp -s "$tmp/in" "$tmp/out" && [ "$(grep -v '^vm-run: waiting' "$tmp/err")" = error ]
}

environment()
{
	local output=$tmp/share
	mkdir -p "$output"
	truncate -s 1M "$tmp/disk" "$tmp/lasting"
	# shellcheck disable=SC2016
	NAME='a b' vm --output "$output" --disk "$tmp/disk" --lasting-disk "$tmp/lasting" --env NAME \
		--cpus 3 -- sh -c '
		echo "$NAME" >"$1/file" && [ "$(pwd)" = "$2" ] && [ "$(nproc)" = 3 ] &&
		[ "$(blockdev --getsize64 /dev/vda)" = 1048576 ] && echo x >/dev/vda && echo y >/dev/vdb && sync &&
		echo x >"$2/vanishes" && ping_works=$(cat /sys/class/net/lo/flags) &&
		[ $((ping_works & 1)) = 1 ] && [ "$(stat -f -c %T /tmp)" = tmpfs ] &&
		[ -d /sys/kernel/debug/tracing ] && modprobe loop && losetup -f >/dev/null
		exit' sh "$output" "$PWD" <&- >"$tmp/err" 2>&1 || return
	[ "$(cat "$output/file")" = 'a b' ] && [ ! -e vanishes ] &&
		[ "$(tr -d '\0' <"$tmp/disk" | wc -c)" = 0 ] && [ "$(tr -d '\0' <"$tmp/lasting")" = y ]
}

signalled()
{
	# shellcheck disable=SC2016
	vm -- sh -c 'sleep 1000 & kill -TERM $$' </dev/null 2>"$tmp/err"
	[ $? = 143 ]
}

panicked()
{
	vm --keep-log "$tmp/log" -- sh -c 'echo c >/proc/sysrq-trigger' </dev/null 2>"$tmp/err"
	[ $? = 125 ] && grep -q 'sysrq triggered crash' "$tmp/err" && grep -q 'Kernel panic' "$tmp/log"
}

complained()
{
	vm --allow 'harmless' -- sh -c '
		echo "WARNING: harmless" >/dev/kmsg; echo "WARNING: real" >/dev/kmsg' \
		</dev/null 2>"$tmp/err"
	[ $? = 125 ] && grep -q 'WARNING: real' "$tmp/err"
}

hung()
{
	vm --timeout 8 -- sh -c 'echo before; sleep 1000' </dev/null >"$tmp/out" 2>"$tmp/err"
	[ $? = 124 ] && [ "$(cat "$tmp/out")" = before ]
}

rebooted()
{
	vm -- sh -c 'echo b >/proc/sysrq-trigger; sleep 60' </dev/null 2>"$tmp/err"
	[ $? = 125 ] || return
	# reboot(RB_AUTOBOOT): a machine without an init system has no reboot(8)
	vm --expect-reboot -- python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x1234567)' \
		</dev/null 2>"$tmp/err"
}

# Both ways to end vm-run early, and that one guest more than allowed waits for its turn.
ended_early()
{
	local pids=() i left
	mkdir -p "$tmp/slots"
	export FREEZEGUARD_SLOTS=$tmp/slots FREEZEGUARD_GUESTS=1
	for i in 1 2; do
		tools/vm-run --kernel "$kernel" --append "test.mark=$$-$i" -- \
			sh -c 'echo up; sleep 1000' </dev/null >"$tmp/out$i" 2>"$tmp/err$i" &
		pids+=($!)
		started=${pids[*]}
		[ $i = 2 ] || wait_until test -s "$tmp/out1" || return
	done
	wait_until grep -q 'waiting for' "$tmp/err2" || return
	[ ! -s "$tmp/out2" ] || return
	{ kill -KILL "${pids[0]}"; wait "${pids[0]}"; } 2>/dev/null
	wait_until test -s "$tmp/out2" || return
	kill -TERM "${pids[1]}"
	wait "${pids[1]}"
	[ $? = 143 ] || return
	started=
	for ((i = 0; i < 50; i++)); do
		left=$(pgrep -c -f "[t]est.mark=$$-")
		[ "$left" = 0 ] && return
		sleep 0.1
	done
	return 1
}

# What waits in the queue holds on to nothing when it is killed, and the limits make sense.
waiter_killed()
{
	local wrong
	mkdir -p "$tmp/slots"
	for wrong in FREEZEGUARD_SLOTS=/nonexistent FREEZEGUARD_GUESTS=0 FREEZEGUARD_GUESTS=many; do
		env "$wrong" tools/vm-run --kernel "$kernel" true 2>"$tmp/err"
		[ $? = 125 ] && grep -q "${wrong%%=*}" "$tmp/err" || return
	done
	exec 8>"$tmp/slots/queue" && flock 8 || return
	killed_while_it_waits
	wrong=$?
	exec 8>&-
	return $wrong
}

killed_while_it_waits()
{
	FREEZEGUARD_SLOTS=$tmp/slots tools/vm-run --kernel "$kernel" true </dev/null 2>"$tmp/err" 8>&- &
	started=$!
	wait_until grep -q 'waiting for' "$tmp/err" || return
	{ kill -KILL "$started"; wait "$started"; } 2>/dev/null
	started=
	wait_until only_we_have "$tmp/slots/queue"
}

only_we_have()
{
	[ -z "$(find /proc/[0-9]*/fd -lname "$1" ! -path "/proc/$$/*" ! -path "/proc/$BASHPID/*" 2>/dev/null 8>&-)" ]
}

# A QEMU whose kernel finds no init in its first $1 starts.
fragile_qemu()
{
	local real
	real=$(command -v qemu-system-x86_64)
	mkdir -p "$tmp/bin"
	echo "$1" >"$tmp/deaths"
	cat >"$tmp/bin/qemu-system-x86_64" <<-END
		#!/bin/bash
		read -r deaths <"$tmp/deaths"
		echo \$((deaths - 1)) >"$tmp/deaths"
		[ \$deaths -le 0 ] || for ((i = 1; i < \$#; i++)); do
			[ "\${!i}" != -append ] || set -- "\${@:1:i}" "\${@:i+1:1} rdinit=/none" "\${@:i+2}"
		done
		exec "$real" "\$@"
	END
	chmod +x "$tmp/bin/qemu-system-x86_64"
}

fails_at_boot()
{
	fragile_qemu 1
	echo input | PATH=$tmp/bin:$PATH vm -- sh -c 'cat; exit 6' >"$tmp/out" 2>"$tmp/err"
	[ $? = 6 ] && [ "$(cat "$tmp/out")" = input ] && [ "$(grep -c 'booted again' "$tmp/err")" = 1 ] &&
		grep -q 'Kernel panic' "$tmp/err" || return
	fragile_qemu 9
	PATH=$tmp/bin:$PATH vm -- echo no </dev/null >"$tmp/out" 2>"$tmp/err"
	[ $? = 125 ] && [ ! -s "$tmp/out" ] && [ "$(cat "$tmp/deaths")" = 6 ] &&
		grep -q "the guest's kernel panicked" "$tmp/err" || return
	# A machine that never gets as far.
	vm --timeout 1 --append "panic=0 rdinit=/none" -- echo no </dev/null >"$tmp/out" 2>"$tmp/err"
	[ $? = 124 ] && [ ! -s "$tmp/out" ] && [ "$(grep -c 'hung during its boot' "$tmp/err")" = 2 ] &&
		grep -q 'did not boot within 6 s' "$tmp/err"
}

left_frozen()
{
	vm -- sh -c 'truncate -s 32M /tmp/image && mkfs.ext4 -q /tmp/image && mkdir /tmp/mount &&
		mount -o loop /tmp/image /tmp/mount && echo x >/tmp/mount/dirty &&
		fsfreeze -f /tmp/mount && exit 3' </dev/null 2>"$tmp/err"
	[ $? = 3 ]
}

interactive()
{
	printf 'tty; exit 9\n' | timeout -k 5 900 script -qec \
		"tools/vm-run --kernel $kernel --timeout 60 -- bash --norc" /dev/null >"$tmp/out" 2>"$tmp/err"
	[ $? = 9 ] && grep -q '/dev/hvc0' "$tmp/out"
}

reader_gone() { [ "$(vm -- yes </dev/null 2>/dev/null | head -n 1)" = y ]; }

echo "TAP version 14"
if ! tools/guest/kernel "$kernel" >/dev/null; then
	echo "1..0 # SKIP no kernel $kernel to boot"
	exit 0
fi
echo "1..13"
check "streams are separate and binary clean, and the status is the command's" streams
check "directory, environment, shares, disks; what is written vanishes" environment
check "a signal's status, with a child left behind" signalled
check "a panic fails at once and is shown" panicked
check "a guest that dies or hangs while it boots is booted again, twice at most, and that is told" fails_at_boot
check "a complaint of the kernel fails a command that returned 0" complained
check "the timeout" hung
check "a reboot is no success, unless it is expected" rebooted
check "a killed vm-run leaves no guest, and one guest too many waits" ended_early
check "a killed vm-run that waited leaves nothing that waits; limits that make no sense are refused" waiter_killed
check "a reader that goes away ends the guest" reader_gone
check "a filesystem left frozen doesn't hang the guest's end" left_frozen
check "a terminal: an interactive shell" interactive
[ "$failed" = 0 ]
