# SPDX-License-Identifier: GPL-2.0-only
# A kernel that is locked down. This is the last file, since a lockdown cannot be undone.
# shellcheck source=tests/observer/lib.sh
. ./lib.sh
plan 4

mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
if ! echo confidentiality 2>/dev/null >/sys/kernel/security/lockdown; then
	for name in load says left unload; do
		pass "$name # SKIP this kernel has no lockdown"
	done
	exit
fi
expect 206 "load" freezectl observer load
says "... is told why" confidentiality lockdown=
that "nothing is left" within 5000 nothing_left
expect 0 "unload" freezectl observer unload
