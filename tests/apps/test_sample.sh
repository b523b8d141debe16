# SPDX-License-Identifier: GPL-2.0-only
# The cost of a pre-script and a post-script, compared with the steps of the sample document, without a
# database: one ext4 filesystem, both in turns.
# shellcheck disable=SC2154 # variables of the library
# shellcheck source=tests/apps/lib.sh
. ./lib.sh
plan 3
pairs=${PAIRS:-9}

# Touching a file copies it from the host into the guest's memory: the host is not what is measured.
commands=()
for name in freezectl fsfreeze bash date lsblk grep mount nohup setsid sleep pgrep pkill xargs ps sort tr; do
	commands+=("$(command -v "$name")")
done
mapfile -t loaded < <(ldd "${commands[@]}" 2>/dev/null | awk '/=> \// { print $3 } /^\t\// { print $1 }' | sort -u)
touch -c -a "${commands[@]}" "${loaded[@]}" /etc/ld.so.cache /etc/localtime /usr/share/locale/locale.alias \
	/usr/lib/locale/locale-archive /usr/lib/locale/C.utf8/* /usr/lib/locale/C.utf8/LC_MESSAGES/* \
	/usr/lib/*/gconv/gconv-modules.cache 2>/dev/null

make_fs ext4
configure ""
does "pre- and post-script, and the sample's steps" \
	"$here/compare.py" "$pairs" "${mounted[ext4]}" "$here/sample-steps"
read -r ours samples <"$scratch/did"
that "nothing is left frozen" unfrozen "${mounted[ext4]}"
echo "# medians of $pairs: freezectl $ours ms, the sample's steps $samples ms: 1/$((samples / ours))"
# About ten on an idle machine; how much remains of that beside other guests is not promised.
that "more than twice as fast" test "$ours" -lt $((samples / 2))
