# shellcheck shell=bash disable=SC2034 # variables for the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# The steps of the guests' tests: KTAP, filesystems, writers. Sourced inside the guest.
#
# A test file calls "plan N", then makes N results with pass, fail, expect, says and that. Its end always
# thaws and unmounts everything. The file as a whole has a time limit.

[ -n "${FREEZEGUARD_GUEST:-}" ] || { echo "Bail out! not inside the guest: use tools/vm-run"; exit 99; }

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
helpers=$top/build/tests/cli
scratch=$(mktemp -d /tmp/cli.XXXXXX)
number=0 planned=0 failures=0
out=""			# what the last expect printed, both streams
declare -A mounted	# mount point of ext4, xfs, btrfs, ...
loops=()
dms=()			# device-mapper devices by name, the newest first
writers=()

# ---- KTAP ----

plan() {
	planned=$1
	echo "1..$1"
}

pass() {
	echo "ok $((++number)) - $1"
}

# fail NAME [WHY]: the reason is told before the result, its gist in the last line
fail() {
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/#   /'
	echo "not ok $((++number)) - $1"
	failures=$((failures + 1))
}

# that NAME COMMAND...: COMMAND succeeds
that() {
	local name=$1 text
	shift
	if text=$("$@" 2>&1); then pass "$name"; else fail "$name" "$text"$'\n'"failed: $*"; fi
}

# expect CODE NAME COMMAND...: COMMAND exits with CODE; what it printed is kept in $out
expect() {
	local want=$1 name=$2 code
	shift 2
	out=$("$@" 2>&1 </dev/null)
	code=$?
	if [ $code -eq "$want" ]; then pass "$name"; else fail "$name" "$out"$'\n'"exit code $code, not $want, of: $*"; fi
}

# says NAME TEXT...: the last expect printed each TEXT
says() {
	local name=$1 text
	shift
	for text in "$@"; do
		case $out in
		*"$text"*) ;;
		*) fail "$name" "$out"$'\n'"does not say: $text"; return ;;
		esac
	done
	pass "$name"
}

# json EXPRESSION: true of the document $out, which Python sees as d
json() {
	python3 -c 'import json, sys
d = json.loads(sys.argv[1])
sys.exit(not eval(sys.argv[2]))' "$out" "$1"
}

# ---- filesystems ----

# make_fs TYPE [NAME]: on a loop device, mounted; its mount point is ${mounted[NAME]}
make_fs() {
	local type=$1 name=${2:-$1} size=64M loop
	case $type in xfs) size=320M ;; btrfs) size=128M ;; esac
	truncate -s $size "$scratch/$name.img" && "mkfs.$type" -q "$scratch/$name.img" >/dev/null || exit 99
	loop=$(losetup --find --show "$scratch/$name.img") || exit 99
	loops+=("$loop")
	mkdir -p "$scratch/$name" && mount "$loop" "$scratch/$name" || exit 99
	mounted[$name]=$scratch/$name
}

# make_loop NAME SIZE: a loop device on a fresh file; it is $device
make_loop() {
	truncate -s "$2" "$scratch/$1.img" && device=$(losetup --find --show "$scratch/$1.img") || exit 99
	loops+=("$device")
}

# make_dms NAME,UUID,MINOR,FLAGS,TABLE...: device-mapper devices, each /dev/dm-MINOR: there is no udev
# here that would make names below /dev/mapper
make_dms() {
	local each
	modprobe dm-mod && dmsetup create --concise "$(IFS=';'; echo "$*")" || exit 99
	for each in "$@"; do
		dms=("${each%%,*}" "${dms[@]}")
	done
}

# make_fs_on DEVICE TYPE NAME: made there, mounted
make_fs_on() {
	local force=-f
	[ "$2" != ext4 ] || force=-F
	"mkfs.$2" -q $force "$1" >/dev/null || exit 99
	mount_on "$@"
}

# mount_on DEVICE TYPE NAME
mount_on() {
	[ -d "$scratch/$3" ] || mkdir "$scratch/$3"
	mount -t "$2" "$1" "$scratch/$3" || exit 99
	mounted[$3]=$scratch/$3
}

# make_testfs NAME [OPTIONS]: an fgtestfs, controlled through $(control NAME)
make_testfs() {
	modprobe fgtestfs || exit 99
	mkdir -p "$scratch/$1" && mount -t fgtestfs ${2:+-o "$2"} "$1" "$scratch/$1" || exit 99
	mounted[$1]=$scratch/$1
}

control() {
	echo "/sys/kernel/debug/fgtestfs/$1"
}

# The kernel's word: is every one of these filesystems frozen? unfrozen?
frozen() {
	"$helpers/fgstate" -f "$@"
}

unfrozen() {
	"$helpers/fgstate" -u "$@"
}

# within MS COMMAND...: COMMAND succeeds at the latest after MS milliseconds
within() {
	local until=$((${EPOCHREALTIME/./} + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt $until ] || return 1
		sleep 0.02
	done
}

# ---- writers ----

# write_once PATH: in the background; done when $scratch/written.N is there. Its pid is $writer.
write_once() {
	local mark=$scratch/written.${#writers[@]}
	( echo data >>"$1/file" && touch "$mark" ) &
	writer=$!
	writers+=("$writer")
	written=$mark
}

blocked() {
	grep -q '^State:.D' "/proc/$1/status"
}

# ---- the end ----

cleanup() {
	local pid
	[ ${#dms[@]} -eq 0 ] || dmsetup resume "${dms[@]}"
	# Not --all: another file may be running at the same time.
	[ ${#mounted[@]} -eq 0 ] || freezectl thaw "${mounted[@]}" >/dev/null 2>&1
	for name in "${!mounted[@]}"; do
		[ ! -e "$(control "$name")/release" ] || echo 1 >"$(control "$name")/release"
		timeout 5 fsfreeze -u "${mounted[$name]}" 2>/dev/null
	done
	for pid in "${writers[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	cd / || exit 99
	for name in "${mounted[@]}"; do
		umount -R "$name" || fail "unmounting $name at the end"
	done
	[ ${#dms[@]} -eq 0 ] || dmsetup remove "${dms[@]}" || fail "removing ${dms[*]} at the end"
	[ ${#loops[@]} -eq 0 ] || losetup -d "${loops[@]}"
	rm -rf "$scratch"
	[ "$number" -eq "$planned" ] || fail "$planned tests were planned, $number reported"
	[ $failures -eq 0 ] || exit 1
}
trap cleanup EXIT
