// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs: /sys/module/freezeguard/leases_ended/ has one file for each last state, with the number
 * of leases that ended in that state since the module was loaded. The numbers never fall, whereas
 * counts of the history do, since the history is bounded.
 */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/sysfs.h>

#include "registry.h"
#include "sysfs.h"

#define FG_SYSFS_ENDED(_name, _state)								\
	static ssize_t _name##_show(struct kobject *kobj, struct kobj_attribute *attr,	\
				    char *buf)						\
	{										\
		return sysfs_emit(buf, "%lu\n", fg_registry_ended(_state));		\
	}										\
	static struct kobj_attribute fg_sysfs_##_name = __ATTR_RO(_name)

FG_SYSFS_ENDED(thawed, FREEZEGUARD_LEASE_STATE_THAWED);
FG_SYSFS_ENDED(expired, FREEZEGUARD_LEASE_STATE_EXPIRED);
FG_SYSFS_ENDED(broken, FREEZEGUARD_LEASE_STATE_BROKEN);
FG_SYSFS_ENDED(aborted, FREEZEGUARD_LEASE_STATE_ABORTED);
FG_SYSFS_ENDED(failed, FREEZEGUARD_LEASE_STATE_FAILED);

static struct attribute *fg_sysfs_attrs[] = {
	&fg_sysfs_thawed.attr,
	&fg_sysfs_expired.attr,
	&fg_sysfs_broken.attr,
	&fg_sysfs_aborted.attr,
	&fg_sysfs_failed.attr,
	NULL
};

static const struct attribute_group fg_sysfs_group = {
	.attrs = fg_sysfs_attrs,
};

static struct kobject *fg_sysfs_kobj;

/**
 * fg_sysfs_init() - create the files
 *
 * Context: sleeps; called while the module is being loaded.
 * Return: 0 or a negative errno of sysfs.
 */
int fg_sysfs_init(void)
{
	int err;

	fg_sysfs_kobj = kobject_create_and_add("leases_ended", &THIS_MODULE->mkobj.kobj);
	if (!fg_sysfs_kobj)
		return -ENOMEM;
	err = sysfs_create_group(fg_sysfs_kobj, &fg_sysfs_group);
	if (err)
		kobject_put(fg_sysfs_kobj);
	return err;
}

/**
 * fg_sysfs_exit() - remove the files
 *
 * Context: sleeps until no reader is left.
 */
void fg_sysfs_exit(void)
{
	sysfs_remove_group(fg_sysfs_kobj, &fg_sysfs_group);
	kobject_put(fg_sysfs_kobj);
}
