// SPDX-License-Identifier: GPL-2.0-only
/* limits: what the module refuses for one of its parameters, known before anything is touched */
#include "base/duration.h"
#include "base/text.h"
#include "lease/limits.h"

#define PARAMETERS	"/sys/module/freezeguard/parameters/"

/**
 * limits_check() - would a lease be longer or larger than the module's parameters allow?
 * @ctl: gets findings of code 1
 * @timeout_ms: its timeout; it also bounds applications that are quiet without a lease
 * @n_superblocks: what it would freeze
 *
 * A parameter that cannot be read limits nothing here: the module decides in the end.
 *
 * Return: whether it is within them.
 */
bool limits_check(struct freezectl *ctl, uint32_t timeout_ms, size_t n_superblocks)
{
	char is[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];
	size_t before = ctl->findings.n;
	unsigned long max;

	if (text_read_number(PARAMETERS "max_timeout_ms", &max) && timeout_ms > max)
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--timeout",
			     "the timeout of %s is longer than the module allows, %s; use a shorter one, or raise "
			     PARAMETERS "max_timeout_ms",
			     duration_format(timeout_ms, is, sizeof(is)),
			     duration_format((uint32_t)max, most, sizeof(most)));
	if (text_read_number(PARAMETERS "max_holds", &max) && n_superblocks > max)
		findings_add(&ctl->findings, EXIT_CODE_USAGE, NULL,
			     "%zu filesystems are more than the module allows in one lease, %lu; name or exclude some, or raise "
			     PARAMETERS "max_holds", n_superblocks, max);
	return ctl->findings.n == before;
}

/**
 * limits_check_leases() - has the module room for one more lease?
 * @ctl: connected; gets a finding of code 206 if not
 *
 * Return: whether it has, or that is not known.
 */
bool limits_check_leases(struct freezectl *ctl)
{
	struct freezeguard_lease_list leases = { 0 };
	unsigned long max, live = 0;
	size_t i;

	if (!text_read_number(PARAMETERS "max_leases", &max) ||
	    freezeguard_lease_dump(ctl->fg, &leases))
		max = ~0UL;
	for (i = 0; i < leases.n; i++)
		live += freezeguard_lease_is_live(&leases.v[i]);
	freezeguard_lease_list_clear(&leases);
	if (live < max)
		return true;
	findings_add(&ctl->findings, EXIT_CODE_NOT_READY, NULL,
		     "%lu leases are live, as many as the module allows; end one (freezectl status lists them), or raise "
		     PARAMETERS "max_leases", live);
	return false;
}
