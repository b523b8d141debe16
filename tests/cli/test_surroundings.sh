# SPDX-License-Identifier: GPL-2.0-only
# Callers with unusual limits and mounts, and the counts of leases: the answer stays true, and nothing stays
# frozen without a report.
# shellcheck disable=SC2016 # the commands of other shells
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 31

make_fs ext4
fs=${mounted[ext4]}
export fs

# ---- overlays ----

mkdir "$fs/upper" "$fs/work" "$scratch/lower" "$scratch/overlay"
mount -t overlay -o "lowerdir=$scratch/lower,upperdir=$fs/upper,workdir=$fs/work" overlay "$scratch/overlay"
mounted[overlay]=$scratch/overlay
overlay=$scratch/overlay
export overlay
expect 1 "standard output on an overlay that lies on the filesystem" \
	sh -c 'freezectl freeze --timeout 5s "$fs" >"$overlay/out"'
says "... says so" "standard output" "$fs"
cp /usr/bin/true "$overlay/program"
expect 1 "a command on such an overlay" freezectl run --timeout 5s "$fs" -- "$overlay/program"
says "... says so" "$overlay/program" "$fs"
umount "$overlay"
unset "mounted[overlay]"

# ---- the parameter that depends on the machine ----

modprobe -r freezeguard && modprobe freezeguard || exit 99
isolated=$(grep -cE '(^| )(nohz_full|isolcpus)=' /proc/cmdline)
that "grace periods are expedited, unless CPUs are isolated" \
	test "$(cat /sys/module/freezeguard/parameters/expedite)" -eq $((1 - isolated))
modprobe -r freezeguard && modprobe freezeguard expedite="$isolated" || exit 99
that "the parameter decides otherwise" \
	test "$(cat /sys/module/freezeguard/parameters/expedite)" -eq "$isolated"
modprobe -r freezeguard && modprobe freezeguard || exit 99

# ---- how many ended how ----

# The order of the last states: thawed, expired, broken, aborted, failed.
ended() {
	cut -d, -f"$1" /sys/module/freezeguard/parameters/leases_ended
}

# More than are remembered.
thawed=$(ended 1) expired=$(ended 2)
history=$(cat /sys/module/freezeguard/parameters/history)
echo 1 >/sys/module/freezeguard/parameters/history
for _ in 1 2 3; do
	freezectl run --timeout 20s "$fs" -- true >/dev/null 2>&1
done
echo "$history" >/sys/module/freezeguard/parameters/history
that "three more leases ended by a thaw" test "$(ended 1)" -eq $((thawed + 3))
freezectl freeze --id late --timeout 100ms "$fs" >/dev/null
that "one more by its deadline" within 5000 eval '[ "$(ended 2)" -eq $((expired + 1)) ]'
expect 0 "status --prometheus" freezectl status --prometheus
says "... has these" "freezeguard_leases_ended_total{state=\"thawed\"} $((thawed + 3))" \
	"freezeguard_leases_ended_total{state=\"expired\"} $((expired + 1))"
that "... and Prometheus' own parser reads it" "$top/tests/unit/metrics.py" "$top/Documentation/observing.md" <<<"$out"

# ---- who ----

user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 755 "$scratch"
freezectl freeze --id roots --timeout 20s "$fs" >/dev/null
expect 1 "thaw --all by a user who may not see the leases" "${user[@]}" freezectl thaw --all --force
says "... says what it does not know" "root"
that "... still frozen" frozen "$fs"
expect 1 "thaw --all by root of a user namespace" unshare -Ur freezectl thaw --all --force
says "... says which root can" "CAP_SYS_ADMIN" "user namespaces"
that "... still frozen" frozen "$fs"
expect 1 "thaw --all by root without CAP_SYS_ADMIN" setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
	freezectl thaw --all --force
that "... still frozen" frozen "$fs"
expect 1 "status by root of a user namespace" unshare -Ur freezectl status
says "... warns" "are not shown"
expect 1 "status --quiet by root of a user namespace does not know" unshare -Ur freezectl status --quiet
freezectl thaw --id roots >/dev/null
expect 201 "without CAP_IPC_LOCK" setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock \
	prlimit --memlock=65536:65536 freezectl freeze "$fs"
says "... says what it takes" "CAP_IPC_LOCK" "ulimit -l"

# ---- what is missing ----

truncate -s 32M "$fs/inner.img" && mkfs.ext4 -q "$fs/inner.img" && mkdir "$scratch/inner"
mount -o loop "$fs/inner.img" "$scratch/inner" || exit 99
mounted[inner]=$scratch/inner
inner=$scratch/inner
export inner
expect 0 "a stack without sysfs: the plan" unshare -m sh -c 'mount -t tmpfs none /sys; freezectl plan "$fs" "$inner"'
says "... warns" "/sys/dev/block: cannot be read"
expect 0 "one filesystem without sysfs" unshare -m sh -c 'mount -t tmpfs none /sys; freezectl freeze --id one --timeout 20s "$fs"'
expect 0 "... and its thaw" freezectl thaw --id one
umount "$scratch/inner"
unset "mounted[inner]"

expect 1 "a directory of a filesystem that was unmounted lazily" unshare -m sh -c \
	'cd "$fs" && umount -l "$fs" && freezectl freeze --timeout 5s .'
says "... says so" "unmounted lazily"
that "nothing is frozen at the end" unfrozen "$fs"
