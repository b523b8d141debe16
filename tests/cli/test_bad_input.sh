# SPDX-License-Identifier: GPL-2.0-only
# Wrong input: a clear error names each mistake, the exit code is 1, and nothing is touched.
# On one kernel: these are refusals by freezectl; tests/kernel has those by the module on each.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 80

make_fs ext4
good=${mounted[ext4]}
mkdir "$scratch/dir"
echo text >"$scratch/file"
long=$(printf 'x%.0s' {1..64})

# refused NAME TEXT ARGUMENTS...: exit 1, the error has TEXT in it, and nothing is frozen
refused() {
	local name=$1 text=$2
	shift 2
	expect 1 "$name" freezectl "$@"
	says "$name: says so" "$text"
	unfrozen "$good" || fail "$name: nothing is frozen" "something is"
}

refused "a path that does not exist" "$scratch/nowhere" freeze "$scratch/nowhere" "$good"
refused "a file" "$scratch/file" freeze "$good" "$scratch/file"
refused "tmpfs" tmpfs freeze "$good" "$scratch/dir"
refused "proc" proc freeze /proc "$good"
refused "the root filesystem without its flag" "/" freeze / "$good"
refused "an empty path" "path" freeze ""
refused "no path" "path" freeze
refused "timeout 0" timeout freeze --timeout 0 "$good"
refused "a negative timeout" timeout freeze --timeout -5s "$good"
refused "a timeout that is not a number" soon freeze --timeout soon "$good"
refused "a timeout over the bound" parameters/max_timeout_ms freeze --timeout 2h "$good"
refused "a timeout far over every bound" timeout freeze --timeout 99999999999999999999s "$good"
refused "an id that is too long" id freeze --id "$long" "$good"
refused "an id with a control character" id freeze --id $'a\tb' "$good"
refused "an id with a newline" id freeze --id $'a\nb' "$good"
# shellcheck disable=SC2016 # not to be expanded
refused "an id that a shell would run" "._:@+-" freeze --id '$(reboot)' "$good"
refused "an id with a slash" "byte 2" freeze --id 'a/b' "$good"
refused "an empty id" id freeze --id "" "$good"
refused "an id that is the kernel's to make" lease- freeze --id lease-7 "$good"
refused "an unknown option" --colour freeze --colour "$good"
refused "an unknown subcommand" chill chill "$good"
refused "no subcommand" "freezectl" --
refused "a timeout without its value" timeout freeze "$good" --timeout
refused "extend without an id" id extend 10s
refused "extend without a duration" duration extend --id x
refused "thaw of nothing in particular" thaw thaw
refused "thaw --all without --force" force thaw --all
refused "thaw of a path that does not exist" "$scratch/nowhere" thaw "$scratch/nowhere"
refused "run without a command" command run "$good"
refused "run of a command that is not there" no-such-command run "$good" -- no-such-command
refused "dlm without an execution id" execution-id dlm pre-script "$good"
# shellcheck disable=SC2016 # not to be expanded
refused "dlm with a bad execution id" execution-id dlm pre-script --execution-id '$(reboot)' "$good"
refused "dlm with an unknown command" mid-script dlm mid-script --execution-id None

cp /usr/bin/true "$good/true"
refused "run of a command on the frozen filesystem" "$good/true" run "$good" -- "$good/true"

out=$(timeout 20 freezectl freeze --timeout 5s "$good" 2>&1 >"$good/output")
code=$?
that "standard output on the filesystem to be frozen" test $code -eq 1
says "... says so" "standard output"
that "... nothing is frozen" unfrozen "$good"

chmod 755 "$scratch"
expect 1 "no permission" setpriv --reuid 65534 --regid 65534 --clear-groups freezectl freeze "$good"
says "no permission: says what is needed" CAP_SYS_ADMIN
expect 1 "no permission to thaw" setpriv --reuid 65534 --regid 65534 --clear-groups freezectl thaw "$good"
expect 1 "no permission to watch" setpriv --reuid 65534 --regid 65534 --clear-groups freezectl monitor --timeout 2s
says "no permission to watch: says what is needed" CAP_SYS_ADMIN
expect 1 "status without permission" setpriv --reuid 65534 --regid 65534 --clear-groups freezectl status
says "status without permission: says what it does not show" "root of the machine, with CAP_SYS_ADMIN and outside of user namespaces, sees all"
that "nothing is frozen at the end" unfrozen "$good"
expect 0 "a freeze after all that" freezectl freeze --timeout 20s "$good"
