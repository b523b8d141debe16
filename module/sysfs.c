// SPDX-License-Identifier: GPL-2.0-only
/*
 * tally: how many leases have ended in each of their last states since the module was loaded, a number
 * a file. The history is bounded, so what can be counted in it falls again; these never do.
 */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/sysfs.h>

#include "registry.h"
#include "sysfs.h"

#define FG_TALLY(_name, _state)								\
	static ssize_t _name##_show(struct kobject *kobj, struct kobj_attribute *attr,	\
				    char *buf)						\
	{										\
		return sysfs_emit(buf, "%lu\n", fg_registry_ended(_state));		\
	}										\
	static struct kobj_attribute fg_tally_##_name = __ATTR_RO(_name)

FG_TALLY(thawed, FREEZEGUARD_LEASE_STATE_THAWED);
FG_TALLY(expired, FREEZEGUARD_LEASE_STATE_EXPIRED);
FG_TALLY(broken, FREEZEGUARD_LEASE_STATE_BROKEN);
FG_TALLY(aborted, FREEZEGUARD_LEASE_STATE_ABORTED);
FG_TALLY(failed, FREEZEGUARD_LEASE_STATE_FAILED);

static struct attribute *fg_tally_attrs[] = {
	&fg_tally_thawed.attr,
	&fg_tally_expired.attr,
	&fg_tally_broken.attr,
	&fg_tally_aborted.attr,
	&fg_tally_failed.attr,
	NULL
};

static const struct attribute_group fg_tally_group = {
	.attrs = fg_tally_attrs,
};

static struct kobject *fg_tally_kobj;

/**
 * fg_tally_init() - make the files
 *
 * Context: sleeps; while the module is being loaded.
 * Return: 0; -ENOMEM and what else sysfs refuses with.
 */
int fg_tally_init(void)
{
	int err;

	fg_tally_kobj = kobject_create_and_add("leases_ended", &THIS_MODULE->mkobj.kobj);
	if (!fg_tally_kobj)
		return -ENOMEM;
	err = sysfs_create_group(fg_tally_kobj, &fg_tally_group);
	if (err)
		kobject_put(fg_tally_kobj);
	return err;
}

/**
 * fg_tally_exit() - remove them
 *
 * Context: sleeps until nobody reads them.
 */
void fg_tally_exit(void)
{
	sysfs_remove_group(fg_tally_kobj, &fg_tally_group);
	kobject_put(fg_tally_kobj);
}
