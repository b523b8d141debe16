# shellcheck shell=bash disable=SC2086 # names without spaces
# SPDX-License-Identifier: GPL-2.0-only
# The steps of the demo's stories. Every wait has a limit. Every claim is checked: the demo fails if one
# is not true.

dir=/tmp/demo
filesystems=(ext4 xfs btrfs)
declare -A device
paths=("/mnt/data on ext4" /mnt/xfs /mnt/xfs-bind /mnt/btrfs-one /mnt/btrfs-two)
places=("/mnt/data on ext4" /mnt/xfs /mnt/btrfs-one)	# one writer each
began=${EPOCHREALTIME/./}
problems=0

# ---- telling ----

note() {
	local us=$(( ${EPOCHREALTIME/./} - began ))
	printf '%4d.%03d s  %s\n' $((us / 1000000)) $((us / 1000 % 1000)) "$*"
}

title() {
	printf '\n== %s\n' "$*"
}

wrong() {
	note "WRONG: $*"
	problems=$((problems + 1))
}

# A command as a person would type it.
shown() {
	local word line=""
	for word; do
		case $word in *[!A-Za-z0-9_./=:-]*) word="'$word'" ;; esac
		line+=" $word"
	done
	echo "${line# }"
}

# expect CODE COMMAND...: run it, show it, and check its exit code
expect() {
	local want=$1 output code
	shift
	note "\$ $(shown "$@")"
	output=$("$@" 2>&1)
	code=$?
	printf '%s\n' "$output" | sed 's/^/              | /'
	if [ $code -eq "$want" ]; then
		note "exit code $code"
	else
		wrong "exit code $code, not $want"
	fi
}

# ---- filesystems and writers ----

demo_setup() {
	local fs size
	mkdir -p $dir "${paths[@]}"
	mount -t tmpfs -o size=1500m tmpfs $dir
	note "making ext4, XFS and btrfs filesystems on loop devices"
	for fs in "${filesystems[@]}"; do
		case $fs in xfs) size=320M ;; btrfs) size=256M ;; *) size=96M ;; esac
		truncate -s $size $dir/$fs.img
		"mkfs.$fs" -q $dir/$fs.img >$dir/mkfs 2>&1 || { cat $dir/mkfs; exit 1; }
		device[$fs]=$(losetup --find --show $dir/$fs.img) || exit 1
	done
	mount "${device[ext4]}" "/mnt/data on ext4" &&
	mount "${device[xfs]}" /mnt/xfs && mount --bind /mnt/xfs /mnt/xfs-bind &&
	mount "${device[btrfs]}" /mnt/btrfs-one &&
	btrfs -q subvolume create /mnt/btrfs-one/one >/dev/null &&
	btrfs -q subvolume create /mnt/btrfs-one/two >/dev/null &&
	umount /mnt/btrfs-one &&
	mount -o subvol=one "${device[btrfs]}" /mnt/btrfs-one &&
	mount -o subvol=two "${device[btrfs]}" /mnt/btrfs-two || exit 1
	local place
	for place in "${places[@]}"; do
		writer "$place" &
		writers+=($!)
	done
	sleep 0.5
	note "a writer appends to a file on each of them"
}

# Appends a line at a time to $1/log; keeps its last line's number and its longest gap in $dir.
writer() {
	local place=$1 name=${1//\//_} n=0 last=${EPOCHREALTIME/./} now gap=0
	exec 3>>"$place/log"
	while [ ! -e $dir/stop ]; do
		printf 'line %d\n' $((++n)) >&3
		now=${EPOCHREALTIME/./}
		[ $((now - last)) -le $gap ] || gap=$((now - last))
		last=$now
		printf '%d %d\n' $n $gap >"$dir/$name.now"
		[ ! -e $dir/reset ] || gap=0
		sleep 0.02
	done
}

writers_counts() {
	local place n gap
	for place in "${places[@]}"; do
		read -r n gap <"$dir/${place//\//_}.now"
		printf '%s ' "$n"
	done
}

# Every writer stands still, in the kernel.
writers_are_blocked() {
	local before i
	before=$(writers_counts)
	sleep 0.3
	[ "$before" = "$(writers_counts)" ] || wrong "a writer goes on"
	for i in "${!places[@]}"; do
		grep -q '^State:.D' "/proc/${writers[i]}/status" || wrong "the writer on ${places[i]} is not blocked"
	done
	note "all ${#places[@]} writers are blocked"
}

# Every writer goes on, within 10 s.
writers_go_on() {
	local before after i j tries
	read -ra before <<<"$(writers_counts)"
	for ((tries = 0; tries < 200; tries++)); do
		read -ra after <<<"$(writers_counts)"
		j=0
		for i in "${!places[@]}"; do
			[ "${after[i]:-0}" -le "${before[i]}" ] || j=$((j + 1))
		done
		[ $j -lt ${#places[@]} ] || { note "all ${#places[@]} writers go on"; return; }
		sleep 0.05
	done
	wrong "a writer is still blocked"
}

writers_gap() {
	local place n gap
	for place in "${places[@]}"; do
		read -r n gap <"$dir/${place//\//_}.now"
		note "longest gap of the writer on $place: $((gap / 1000)) ms"
	done
	touch $dir/reset
	sleep 0.2
	rm $dir/reset
}

# ---- snapshots ----

copy_device() {
	dd if="${device[$1]}" of=$dir/$1.copy bs=1M iflag=direct conv=sparse status=none ||
		wrong "cannot copy ${device[$1]}"
}

# The filesystem's own checker finds nothing, and ext4 and btrfs have no journal to replay. XFS keeps
# its log dirty in a freeze on purpose: mounting the copy replays it.
check_copy() {
	local fs=$1 copy=$dir/$1.copy loop
	case $fs in
	ext4)
		if dumpe2fs -h $copy 2>/dev/null | grep -q needs_recovery; then
			wrong "the copy of $fs needs its journal replayed"
		elif e2fsck -fn $copy >$dir/check 2>&1; then
			note "the copy of $fs is clean (e2fsck) and needs no journal replay"
		else
			wrong "e2fsck: $(cat $dir/check)"
		fi ;;
	btrfs)
		if ! btrfs inspect-internal dump-super $copy | grep -qE '^log_root\s+0$'; then
			wrong "the copy of $fs needs its log replayed"
		elif btrfs check --readonly $copy >$dir/check 2>&1; then
			note "the copy of $fs is clean (btrfs check) and needs no log replay"
		else
			wrong "btrfs check: $(cat $dir/check)"
		fi ;;
	xfs)
		mkdir -p $dir/mnt
		loop=$(losetup --find --show $copy)
		{ mount -o nouuid "$loop" $dir/mnt && umount $dir/mnt; } || wrong "the copy of $fs does not mount"
		losetup -d "$loop"
		if xfs_repair -n $copy >$dir/check 2>&1; then
			note "the copy of $fs is clean (xfs_repair) after its own log replay"
		else
			wrong "xfs_repair: $(cat $dir/check)"
		fi ;;
	esac
}

# What the writers had written when the pre-script said success is in the copies.
check_copies_hold() {
	local i n want
	read -ra want <<<"$1"
	mkdir -p $dir/mnt
	for i in 0 1 2; do
		local fs=${filesystems[i]} options=loop,ro
		case $fs in xfs) options+=,nouuid,norecovery ;; btrfs) options+=,subvol=one ;; esac
		# The kernel mounts one btrfs of an id at a time: the copy gets its own.
		[ "$fs" != btrfs ] || btrfstune -f -m $dir/$fs.copy >/dev/null 2>&1
		mount -o $options $dir/$fs.copy $dir/mnt || { wrong "cannot mount the copy of $fs"; continue; }
		n=$(wc -l <$dir/mnt/log)
		umount $dir/mnt
		if [ "$n" -ge "${want[i]}" ]; then
			note "the copy of $fs has all ${want[i]} lines that were written before the pre-script returned"
		else
			wrong "the copy of $fs has $n lines of ${want[i]}"
		fi
	done
}

# ---- the deadline ----

# A stand-in for a backup agent: runs the pre-script, then waits for a post-script that never comes.
agent_runs() {
	local code
	setsid bash -c '"$@"; echo $? >'$dir'/agent.code; exec sleep 1000' agent "$@" >$dir/agent.output 2>&1 &
	agent=$!
	for ((tries = 0; tries < 200; tries++)); do
		[ ! -s $dir/agent.code ] || break
		sleep 0.05
	done
	note "an agent, process $agent, runs \$ $(shown "$@")"
	sed 's/^/              | /' $dir/agent.output
	read -r code <$dir/agent.code
	[ "$code" = 0 ] || wrong "the pre-script's exit code is $code"
}

# The agent and all that it started, with SIGKILL.
agent_dies() {
	kill -KILL -- -$agent
	wait $agent 2>/dev/null
	note "the agent and all it started are killed with SIGKILL; processes of freezeguard left: $(count_freezectl)"
}

count_freezectl() {
	local file comm count=0
	for file in /proc/[0-9]*/comm; do
		read -r comm 2>/dev/null <"$file" && [ "$comm" = freezectl ] && count=$((count + 1))
	done
	echo $count
}

lateness() {
	local json deadline released late
	json=$(freezectl status --id "dlm-$1" --json)
	deadline=$(grep -om1 '"deadline_ns": *[0-9]*' <<<"$json" | grep -o '[0-9]*$')
	released=$(grep -om1 '"released_ns": *[0-9]*' <<<"$json" | grep -o '[0-9]*$')
	late=$(((${released:-0} - ${deadline:-0}) / 100000))
	if [ $late -ge 0 ] && [ $late -lt 10000 ]; then
		note "the kernel thawed everything $((late / 10)).$((late % 10)) ms after the deadline"
	else
		wrong "the deadline was not kept: $json"
	fi
}

# ---- end ----

demo_end() {
	touch $dir/stop
	wait "${writers[@]}"
	local path
	for path in "${paths[@]}"; do
		umount "$path" || wrong "$path can't be unmounted"
	done
	modprobe -r freezeguard || wrong "the module can't be unloaded"
	title "Done: $problems problems"
	[ $problems -eq 0 ]
	exit
}
