# SPDX-License-Identifier: GPL-2.0-only
# A freeze that cannot finish because its device is suspended, and suspending a device in a lease.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 68

make_loop a 32M && make_fs_on "$device" ext4 a
make_loop b 64M && below=$device && make_dms "b,,120,rw,0 131072 linear $below 0" && make_fs_on /dev/dm-120 ext4 b
make_loop c 304M && make_fs_on "$device" xfs c
make_loop d 32M && make_fs_on "$device" ext4 d
other=$device
a=${mounted[a]} b=${mounted[b]} c=${mounted[c]} d=${mounted[d]}
modprobe freezeguard || exit 99

# at_once NAME COMMAND...: does not wait for anything that is stuck. What it would have to wait for
# takes a minute at the least, so the bound can be generous.
at_once() {
	local name=$1 began=${EPOCHREALTIME/./}
	shift
	that "$name" timeout 12 bash -c '"$@"' bash "$@"
	echo "# $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
}
being_frozen() {
	local state
	read -r state _ < <("$helpers/fgstate" "$1")
	[ "$state" = "$2" ]
}
written() {
	[ -e "$written" ]
}
# In its write: what it waited for on the way there has long come.
stays_blocked() {
	blocked "$1" && sleep 1 && blocked "$1"
}
mount_and_unmount() {
	umount "$d" && mount "$other" "$d"
}
# A family comes and is asked for.
new_family() {
	modprobe "$1" && genl ctrl list | grep -i "name: $2"
}

export -f mount_and_unmount new_family
export d other

# stuck NAME STATE MODULE FAMILY: b can't get beyond STATE
stuck() {
	local name=$1 requester began
	freezectl freeze --id "$name" --timeout 90s "$a" "$b" "$c" >"$scratch/answer" 2>&1 &
	requester=$!
	that "$name: a and c are frozen" within 20000 frozen "$a" "$c"
	that "$name: b can't finish" within 5000 being_frozen "$b" "$2"
	at_once "$name: another generic netlink family" genl ctrl get name nlctrl
	if modprobe -nq "$3"; then
		at_once "$name: a family that is being registered" new_family "$3" "$4"
	else
		pass "$name: a family that is being registered # SKIP this kernel has no module $3"
	fi
	at_once "$name: an unmount and a mount" mount_and_unmount
	at_once "$name: another lease" freezectl run --timeout 60s "$d" -- true
	at_once "$name: status" freezectl status --id "$name"
	that "$name: freezeguard.ko stays" test "$(rmmod freezeguard 2>&1; echo $?)" != 0
	freezectl extend --id "$name" 500ms >/dev/null || fail "$name: its deadline"
	began=${EPOCHREALTIME/./}
	wait $requester
	that "$name: the requester is told that the freeze failed" test $? -eq 201
	that "$name: ... by the deadline" test $((${EPOCHREALTIME/./} - began)) -lt 4000000
	out=$(<"$scratch/answer")
	says "$name: ... and why" "$b" "cannot be interrupted"
	that "$name: a and c are thawed by then" unfrozen "$a" "$c"
	write_once "$a"
	that "$name: their writers go on" within 5000 written
	at_once "$name: a lease on one of them" freezectl run --timeout 60s "$c" -- true
	expect 0 "$name: status of the lease" freezectl status --id "$name"
	says "$name: ... tells the truth" rolling-back freezing
	that "$name: b is still stuck" being_frozen "$b" "$2"
	dmsetup resume b
	that "$name: resumed, b is thawed" within 5000 unfrozen "$b"
	write_once "$b"
	that "$name: ... and its writers go on" within 5000 written
	expect 0 "$name: status of the lease at its end" freezectl status --id "$name"
	says "$name: ... tells the truth" failed deadline
}

dd if=/dev/zero of="$b/dirty" bs=64k count=32 2>/dev/null
dmsetup suspend --nolockfs b
stuck suspended-device pagefault l2tp_netlink l2tp

dd if=/dev/zero of="$b/direct" bs=4k count=1 conv=fsync 2>/dev/null
dmsetup suspend --nolockfs b
dd if=/dev/zero of="$b/direct" bs=4k count=1 oflag=direct conv=notrunc 2>/dev/null &
writers+=($!)
that "a writer is stuck" within 10000 stays_blocked $!
stuck stuck-writer write psample psample

# Suspend and resume inside a lease. What this kernel makes of it is asked of the kernel, and has to
# be what happens.
freezectl status --json "$b" >"$scratch/status"
out=$(<"$scratch/status")
suspend=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["filesystems"][0]["suspend"])' <"$scratch/status")
echo "# suspending a device in a lease: $suspend"
# next_suspend NAME: the next suspend freezes, as it should without a lease
next_suspend() {
	expect 0 "$1: the next suspend" dmsetup suspend b
	that "$1: ... freezes" frozen "$b"
	write_once "$b"
	that "$1: ... and stops writers" within 5000 blocked "$writer"
	dmsetup resume b
	that "$1: ... until the resume" within 5000 unfrozen "$b"
	that "$1: ... when the writer goes on" within 5000 written
}
# next_suspend_spoilt NAME: it doesn't, as was said; the device only makes I/O wait
next_suspend_spoilt() {
	expect 0 "$1: the next suspend" dmsetup suspend b
	that "$1: ... does not freeze" unfrozen "$b"
	write_once "$b"
	that "$1: ... and does not stop writers" within 5000 written
	dmsetup resume b
	umount "$b" && unset "mounted[b]"
	expect 32 "$1: ... nor can it be mounted again" mount /dev/dm-120 "$b"
	dmsetup remove b && dms=() && make_dms "b,,120,rw,0 131072 linear $below 0" && mount_on /dev/dm-120 ext4 b
	that "$1: ... until the device is made anew" unfrozen "$b"
}

# The lease ends while the device is suspended.
expect 0 "freeze" freezectl freeze --id within --timeout 90s "$b"
if [ "$suspend" = refused ]; then
	expect 0 "thaw" freezectl thaw --id within
	expect 0 "suspend" dmsetup suspend b
else
	expect 0 "suspend" dmsetup suspend b
	expect 0 "thaw" freezectl thaw --id within
fi
that "the suspend keeps it frozen" frozen "$b"
expect 0 "resume" dmsetup resume b
that "thawed" unfrozen "$b"
next_suspend "after a lease that ended inside a suspend"

expect 0 "freeze" freezectl freeze --id inside --timeout 90s "$b"
if [ "$suspend" = refused ]; then
	expect 1 "a suspend inside the lease is refused" dmsetup suspend b
	says "... says so" "busy"
else
	expect 0 "a suspend inside the lease" dmsetup suspend b
	expect 0 "... and the resume" dmsetup resume b
fi
that "the lease holds" frozen "$b"
expect 0 "thaw" freezectl thaw --id inside
that "thawed" unfrozen "$b"
case $suspend in
spoils)	next_suspend_spoilt "after a suspend inside a lease" ;;
*)	next_suspend "after a suspend inside a lease" ;;
esac

# On a real-time kernel every plan warns of that.
of_suspends='[f for f in d["findings"] if "PREEMPT_RT" not in str(f)]'
expect 0 "plan" freezectl plan "$b"
case $suspend in
nests)	expect 0 "plan has nothing to warn of" freezectl plan --json "$b"
	that "... and says so" json "d['filesystems'][0]['suspend'] == 'nests' and not $of_suspends" ;;
*)	says "plan warns of suspends" "$b" suspend snapshot
	out=$(freezectl plan --json "$a")
	that "... only where a device can be suspended" json "not $of_suspends" ;;
esac
