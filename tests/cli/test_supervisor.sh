# SPDX-License-Identifier: GPL-2.0-only
# On one kernel: systemd and the OOM killer treat processes alike on all of them
# The supervisor outlives the unit that called freezectl, and is spared from the OOM killer. A real systemd
# runs as pid 1 of a namespace, with its bus.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh

if [ -e /proc/lockdep ]; then
	plan 1
	pass "a scope of its own # SKIP on a kernel that checks itself systemd answers later than a supervisor waits"
	exit
fi
plan 14

make_fs ext4
fs=${mounted[ext4]}
a=11111111-1111-4111-8111-111111111111
# shellcheck disable=SC2016 # the hook's
printf '%s\n' '#!/bin/sh' 'cat /proc/self/oom_score_adj >"$FREEZEGUARD_RUN/score"' \
	'cat /proc/self/cgroup >"$FREEZEGUARD_RUN/cgroup"' 'echo READY' 'read -r why' \
	'echo "$why" >"$FREEZEGUARD_RUN/why"' >"$scratch/hook"
sed -i "s|\$FREEZEGUARD_RUN|$scratch|" "$scratch/hook"
chmod 755 "$scratch" "$scratch/hook"
mkdir "$scratch/hooks.d" && mv "$scratch/hook" "$scratch/hooks.d/10-web.session"
printf '[default]\nhooks_dir = %s/hooks.d\nrun_dir = %s/run\n' "$scratch" "$scratch" >"$scratch/conf"
export FREEZEGUARD_CONFIG=$scratch/conf

supervisor() { pgrep -x freezectl-apps | head -n 1; }

# ---- without systemd ----

echo 17 >/proc/self/oom_score_adj
expect 0 "pre-script where no systemd runs" freezectl dlm pre-script --execution-id $a --timeout 30s "$fs"
that "the supervisor is spared from the OOM killer" grep -qx -- -1000 "/proc/$(supervisor)/oom_score_adj"
that "what it calls is as the caller" grep -qx 17 "$scratch/score"
expect 0 "post-script" freezectl dlm post-script --execution-id $a
echo 0 >/proc/self/oom_score_adj

# ---- with it ----

# It is not to empty /tmp, nor to touch the guest's devices and parameters.
export masked="systemd-tmpfiles-setup.service systemd-tmpfiles-setup-dev.service systemd-tmpfiles-clean.timer tmp.mount
	systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service
	systemd-sysctl.service systemd-modules-load.service systemd-remount-fs.service"
mkdir -p /sys/fs/cgroup/machine && echo $BASHPID >/sys/fs/cgroup/machine/cgroup.procs
# shellcheck disable=SC2016 # the inner shell's
container=guest unshare --fork --pid --mount --cgroup --mount-proc --propagation slave sh -c \
	'mount -t tmpfs -o mode=755 run /run && umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
	mkdir -p /run/systemd/system && for unit in $masked; do ln -s /dev/null /run/systemd/system/$unit; done &&
	exec /lib/systemd/systemd --system --unit=sockets.target' >"$scratch/systemd" 2>&1 &
systemd() { pgrep -x -n systemd; }
# inside COMMAND...: as a process of systemd's machine
inside() { nsenter -t "$(systemd)" -a -- env FREEZEGUARD_CONFIG="$FREEZEGUARD_CONFIG" "$@"; }
on_bus() { inside busctl --timeout=2 status org.freedesktop.systemd1 >/dev/null 2>&1; }
that "systemd and its bus run" within 120000 on_bus
expect 0 "a unit that ends with its pre-script" inside systemd-run --quiet --wait --unit=backup \
	-p KillMode=control-group -E FREEZEGUARD_CONFIG="$FREEZEGUARD_CONFIG" \
	"$(command -v freezectl)" dlm pre-script --execution-id $a --timeout 60s "$fs"
that "the supervisor has a scope of its own" grep -q 'freezeguard-[0-9]*\.scope$' "/proc/$(supervisor)/cgroup"
that "its hooks are in it" grep -q 'freezeguard-[0-9]*\.scope$' "$scratch/cgroup"
that "systemd knows what it is for" sh -c "nsenter -t $(systemd) -a -- systemctl show -p Description 'freezeguard-*.scope' |
	grep -q 'applications of lease dlm-$a'"
that "frozen" frozen "$fs"
expect 0 "post-script" inside freezectl dlm post-script --execution-id $a
that "the application was told so in time" grep -qx thaw "$scratch/why"
that "the scope is gone" within 5000 sh -c "! nsenter -t $(systemd) -a -- systemctl is-active --quiet 'freezeguard-*.scope'"
kill -KILL "$(systemd)"
that "nothing is frozen" unfrozen "$fs"
