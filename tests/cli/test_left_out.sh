# SPDX-License-Identifier: GPL-2.0-only
# What a pre-script does not freeze: it is synced, each of it is a warning, and it is not waited for if it
# does not answer.
# shellcheck disable=SC2016 # expanded by the hook
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 36

export FREEZEGUARD_CONFIG=$scratch/conf
hooks=$scratch/hooks.d
mkdir "$hooks"
modprobe dm-mod || exit 99
make_fs ext4
make_fs ext4 left
make_loop dead 64M && make_dms "dead,,150,rw,0 131072 linear $device 0" && make_fs_on /dev/dm-150 ext4 dead
fs=${mounted[ext4]} left=${mounted[left]} dead=${mounted[dead]}
printf '[default]\nhooks_dir = %s\nrun_dir = %s\nexclude = %s\nexclude = %s\n' \
	"$hooks" "$scratch/run" "$left" "$dead" >"$FREEZEGUARD_CONFIG"

n=0
next() { id=$(printf '33333333-3333-4333-8333-%012d' $((++n))); }
dlm() { freezectl dlm "$1" --execution-id "$id" "${@:2}"; }
# What was written to it is in the file behind its device.
on_disk() { grep -q "$1" "$scratch/left.img"; }

next
echo first-marker >"$left/file"
that "what was just written is not on the disk" eval '! on_disk first-marker'
expect 0 "pre-script: one is frozen, others are left out" dlm pre-script --timeout 30s
says "... each is a warning, and was synced" "$left: is not frozen: it is excluded by the configuration; it was synced" \
	"$dead: is not frozen: it is excluded by the configuration; it was synced"
that "... its data are on the disk" on_disk first-marker
that "... it is not frozen" unfrozen "$left" "$dead"
that "... the other one is" frozen "$fs"
expect 0 "post-script" dlm post-script
next
expect 0 "pre-script as JSON" dlm pre-script --timeout 30s --json
that "... has the warnings" json "[f['code'] for f in d['findings'] if f['target'] == '$left'] == [0]"
expect 0 "post-script" dlm post-script

# A hook that says where its application's files are.
printf '#!/bin/sh\necho "PATH %s"; echo "PATH %s"\n[ "$1" = session ] || exit 0\necho third-marker >%s/file\n: >%s/locked; echo READY; read -r why; rm %s/locked\n' \
	"$fs" "$left" "$left" "$scratch" "$scratch" >"$hooks/10-db.session" && chmod 755 "$hooks/10-db.session"
next
expect 206 "dry-run: an application has files on what is left out" dlm dry-run
says "... says which, and why" "db: has files in $left, which is on $left (ext4), and that is not frozen: it is excluded"
expect 206 "pre-script" dlm pre-script --timeout 30s
says "... says which, and why" "db: has files in $left, which is on $left (ext4), and that is not frozen: it is excluded"
that "... nothing stays frozen" unfrozen "$fs" "$left"
that "... and the application is released" test ! -e "$scratch/locked"
expect 205 "post-script" dlm post-script
expect 0 "dry-run: that is allowed" dlm dry-run --allow-unfrozen
expect 0 "pre-script: that is allowed" dlm pre-script --timeout 30s --allow-unfrozen
says "... warns" "db: has files in $left" "that is allowed" "it was synced"
that "... what it wrote before it was quiet is on the disk" on_disk third-marker
expect 0 "post-script" dlm post-script
next
expect 0 "named, all filesystems of the application" dlm pre-script --timeout 30s "$fs" "$left"
expect 0 "post-script" dlm post-script
rm "$hooks/10-db.session"

# A device that does not answer: the sync waits for good, the pre-script does not.
echo lost >"$dead/file" && dmsetup suspend --nolockfs --noflush dead || exit 99
next
expect 0 "pre-script beside a dead disk" timeout -s KILL 20 freezectl dlm pre-script --execution-id "$id" \
	--timeout 30s --script-timeout 4s
says "... says so" "$dead: is not frozen: it is excluded by the configuration; its sync has not ended yet"
that "... the others are frozen" frozen "$fs"
expect 0 "post-script" dlm post-script

# Without a lease there is nothing but the sync.
umount "$fs" && unset "mounted[ext4]" || exit 99
printf '#!/bin/sh\necho "$1" >>%s/log\n' "$scratch" >"$hooks/10-app" && chmod 755 "$hooks/10-app"
next
expect 201 "without a lease, beside a dead disk" timeout -s KILL 20 freezectl dlm pre-script --execution-id "$id" \
	--timeout 30s --script-timeout 4s
says "... says which" "$dead: could not be synced within the time that there is for it"
that "... the application was released" test "$(tr '\n' ' ' <"$scratch/log")" = "freeze thaw "
dmsetup resume dead
sleep 0.2
next
echo second-marker >"$left/file2"
mount -t tmpfs tmpfs "$dead" || exit 99
expect 0 "without a lease, and with a hidden disk" dlm pre-script --timeout 30s
says "... warns of what is left out" "no filesystem is frozen" "$left: is not frozen" \
	"$dead: is not frozen: it is excluded by the configuration; it could not be synced"
umount "$dead"
that "... its data are on the disk" on_disk second-marker
expect 0 "post-script" dlm post-script
that "nothing is frozen" unfrozen "$left" "$dead"
