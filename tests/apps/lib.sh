# shellcheck shell=bash disable=SC2034,SC2154 # variables for and of the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# The steps of the tests with real databases, on top of those in tests/lib/guest.sh: filesystems whose block
# devices can be copied at one moment, servers, load. Sourced inside the guest.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh

here=$PWD
templates=$top/build/tests/apps		# made by templates, on the host
rounds=${ROUNDS:-1}
clients=${CLIENTS:-4}

# does NAME COMMAND...: as that, for a function that leaves something behind: variables, a process
does() {
	local name=$1
	shift
	if "$@" >"$scratch/did" 2>&1; then pass "$name"; else fail "$name" "$(<"$scratch/did")"; fi
}

# ---- filesystems that can be copied ----

declare -A origin	# the device-mapper device below a filesystem, by the filesystem's name
declare -A device_below	# and the loop device below that
declare -A sectors
copies=()		# mount points of copies
copy_dms=() copy_loops=()
next_minor=100

# make_store NAME TYPE MIB: a filesystem on a device of which snapshot() can make a copy
make_store() {
	modprobe dm-snapshot || exit 99
	make_loop "$1" "$3M"
	device_below[$1]=$device sectors[$1]=$(($3 * 2048)) origin[$1]=$((next_minor++))
	make_dms "$1,,${origin[$1]},rw,0 ${sectors[$1]} snapshot-origin $device"
	make_fs_on "/dev/dm-${origin[$1]}" "$2" "$1"
}

# take_copies NAME...: of the block devices, as they are now
take_copies() {
	local name loop
	for name in "$@"; do
		truncate -s 200M "$scratch/$name.cow" && loop=$(losetup --find --show "$scratch/$name.cow") ||
			return
		copy_loops+=("$loop")
		dmsetup suspend --nolockfs "$name" &&
			dmsetup create --concise "$name-copy,,$((origin[$name] + 100)),rw,0 ${sectors[$name]} snapshot ${device_below[$name]} $loop N 8" &&
			dmsetup resume "$name" || return
		copy_dms+=("$name-copy")
	done
}

copy_of() {
	echo "/dev/dm-$((origin[$1] + 100))"
}

# Before it is mounted: nothing to recover, nothing to repair. A frozen XFS has always its own log to
# replay, which mounting does.
needs_no_repair() {
	case $2 in
	ext4)	! dumpe2fs -h "$(copy_of "$1")" 2>/dev/null | grep needs_recovery &&
			e2fsck -fn "$(copy_of "$1")" ;;
	xfs)	mount_copy "$@" && umount "${copies[-1]}" && unset 'copies[-1]' &&
			xfs_repair -n "$(copy_of "$1")" ;;
	esac
}

# mount_copy NAME TYPE: at $scratch/NAME-copy
mount_copy() {
	local options=rw
	[ "$2" != xfs ] || options=nouuid
	mkdir -p "$scratch/$1-copy" && mount -t "$2" -o $options "$(copy_of "$1")" "$scratch/$1-copy" &&
		copies+=("$scratch/$1-copy")
}

# clean_copy NAME TYPE: two results
clean_copy() {
	does "$2: a copy needs no repair" needs_no_repair "$@"
	does "$2: it is mounted" mount_copy "$@"
}

# close_store NAME: unmounted and gone
close_store() {
	umount "${mounted[$1]}" && unset "mounted[$1]"
}

drop_copies() {
	local failed=0
	[ ${#copies[@]} -eq 0 ] || umount "${copies[@]}" || failed=1
	[ ${#copy_dms[@]} -eq 0 ] || dmsetup remove "${copy_dms[@]}" || failed=1
	[ ${#copy_loops[@]} -eq 0 ] || losetup -d "${copy_loops[@]}" || failed=1
	rm -f "$scratch"/*.cow
	copies=() copy_dms=() copy_loops=()
	return $failed
}

# ---- Data Lifecycle Manager's part ----

execution=

# What is run as root has to be root's, which a checkout need not be.
mkdir "$scratch/shipped" && cp --no-preserve=ownership "$top"/build/userspace/hooks/*.session "$scratch/shipped" ||
	exit 99

# configure LINE...: the configuration file, from here on
configure() {
	mkdir -p /etc/freezeguard && printf '%s\n' "[default]" "shipped_dir = $scratch/shipped" \
		"hook_timeout = 30s" "thaw_timeout = 30s" "script_timeout = 50s" "$@" \
		>/etc/freezeguard/freezeguard.conf
}

# pre_script [OPTION...] PATH...: of a new execution; $returned is when it had returned
pre_script() {
	local status
	execution=$(</proc/sys/kernel/random/uuid)
	freezectl dlm pre-script --execution-id "$execution" "$@" </dev/null
	status=$?
	returned=$(now)
	return $status
}

post_script() {
	freezectl dlm post-script --execution-id "$execution" </dev/null
}

# What the hook has noted with the newest lease: noted KEY
noted() {
	freezectl apps --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["sessions"][0]["apps"][0]["notes"][sys.argv[1]])' "$1"
}

# ---- load ----

loader=

# ends PID: a child, by SIGTERM, within a minute; as it exits
ends() {
	kill -TERM "$1" 2>/dev/null
	within 60000 gone "$1" || kill -KILL "$1"
	wait "$1"
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# load_begins SERVER SOCKET DIRECTORY: and has acknowledged some transactions of each client
load_begins() {
	local n
	mkdir -p "$3"
	setsid ./load.py "$1" "$2" "$clients" "$3" >"$scratch/load.errors" 2>&1 &
	loader=$!
	for ((n = 0; n < clients; n++)); do
		until_up "$loader" 60000 grep -q ack "$3/$n" || { cat "$scratch/load.errors"; return 1; }
	done
}

# The load rests while a server runs on a copy, which it has nothing to do with any more.
load_rests() {
	kill -STOP "$loader"
}

acknowledged() { cat "$1"/* | grep -c ack; }
more_than() { [ "$(acknowledged "$2")" -gt $(($1 + clients)) ]; }

# load_goes_on DIRECTORY: and has acknowledged more than a transaction for each client
load_goes_on() {
	local before
	before=$(acknowledged "$1")
	kill -CONT "$loader"
	within 20000 more_than "$before" "$1"
}

load_ends() {
	local status
	kill -CONT "$loader"
	ends "$loader"
	status=$?
	loader=
	[ $status -eq 0 ] || cat "$scratch/load.errors"
	return $status
}

# Whatever it is waiting for: it and its clients, which have a process group for that
load_killed() {
	[ -n "$loader" ] || return 0
	kill -KILL -- "-$loader" 2>/dev/null
	wait "$loader"
	loader=
}

# restored DIRECTORY ROWS RETURNED [UNTIL]: as verify.py says; ROWS is a file
restored() {
	"$here/verify.py" "$1" "${@:3}" <"$2"
}

# Of the clock that the load writes down, in nanoseconds.
now() {
	local uptime
	read -r uptime _ </proc/uptime
	echo "${uptime%.*}${uptime#*.}0000000"
}

# ---- servers ----

# need PRODUCT: ends the file with a skip if it is not available
need() {
	[ -e "$templates/$1.missing" ] || return 0
	echo "1..0 # SKIP $1: $(<"$templates/$1.missing")"
	exit 0
}

servers=()	# their main processes

# until_up PID MS COMMAND...: COMMAND succeeds, unless the server is gone before
until_up() {
	local pid=$1 until=$((${EPOCHREALTIME/./} + $2 * 1000))
	shift 2
	until "$@" >/dev/null 2>&1; do
		kill -0 "$pid" 2>/dev/null && [ "${EPOCHREALTIME/./}" -lt $until ] || return 1
		sleep 0.1
	done
}

# stop_server PID
stop_server() {
	local left=() pid
	for pid in "${servers[@]}"; do [ "$pid" = "$1" ] || left+=("$pid"); done
	servers=("${left[@]}")
	ends "$1"
}

apps_cleanup() {
	load_killed
	freezectl thaw "${mounted[@]}" >/dev/null 2>&1
	local pid
	for pid in "${servers[@]}"; do
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	drop_copies
	cleanup
}
trap apps_cleanup EXIT
