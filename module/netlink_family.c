// SPDX-License-Identifier: GPL-2.0-only
/*
 * netlink_family: operations, policies and groups, as tables. A test compares them with the spec.
 */
#include <linux/freezeguard.h>
#include <linux/module.h>

#include "compat/compat.h"
#include "netlink_internal.h"

const struct nla_policy fg_superblock_policy[FREEZEGUARD_A_SUPERBLOCK_MAX + 1] = {
	[FREEZEGUARD_A_SUPERBLOCK_FD]		= NLA_POLICY_MIN(NLA_S32, 0),
	[FREEZEGUARD_A_SUPERBLOCK_LEVEL]	= NLA_POLICY_MAX(NLA_U32, FREEZEGUARD_LEVEL_MAX),
};

static const struct nla_policy fg_lease_new_policy[FREEZEGUARD_A_LEASE_SYNC_BUDGET_MS + 1] = {
	[FREEZEGUARD_A_LEASE_ID]		= { .type = NLA_NUL_STRING,
						    .len = FREEZEGUARD_ID_MAX },
	[FREEZEGUARD_A_LEASE_TIMEOUT_MS]	= NLA_POLICY_MIN(NLA_U32, 1),
	[FREEZEGUARD_A_LEASE_SUPERBLOCK]	= NLA_POLICY_NESTED(fg_superblock_policy),
	[FREEZEGUARD_A_LEASE_SYNC_BUDGET_MS]	= NLA_POLICY_MIN(NLA_U32, 1),
};

/* Commands that only name a lease take no more than the ID: their maxattr says so. */
const struct nla_policy fg_lease_policy[FREEZEGUARD_A_LEASE_TIMEOUT_MS + 1] = {
	[FREEZEGUARD_A_LEASE_NUMBER]		= { .type = NLA_U64 },
	[FREEZEGUARD_A_LEASE_ID]		= { .type = NLA_NUL_STRING,
						    .len = FREEZEGUARD_ID_MAX },
	[FREEZEGUARD_A_LEASE_TIMEOUT_MS]	= NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy fg_fs_get_policy[FREEZEGUARD_A_FS_FD + 1] = {
	[FREEZEGUARD_A_FS_FD]			= NLA_POLICY_MIN(NLA_S32, 0),
};

/* No GENL_ADMIN_PERM: the handlers check the permission of the superblock's owner instead. */
static const struct genl_ops fg_netlink_ops[] = {
	{
		.cmd		= FREEZEGUARD_CMD_LEASE_NEW,
		.doit		= fg_netlink_lease_new,
		.policy		= fg_lease_new_policy,
		.maxattr	= ARRAY_SIZE(fg_lease_new_policy) - 1,
	},
	{
		.cmd		= FREEZEGUARD_CMD_LEASE_END,
		.doit		= fg_netlink_lease_end,
		.policy		= fg_lease_policy,
		.maxattr	= FREEZEGUARD_A_LEASE_ID,
	},
	{
		.cmd		= FREEZEGUARD_CMD_LEASE_EXTEND,
		.doit		= fg_netlink_lease_extend,
		.policy		= fg_lease_policy,
		.maxattr	= FREEZEGUARD_A_LEASE_TIMEOUT_MS,
	},
	{
		.cmd		= FREEZEGUARD_CMD_LEASE_DETACH,
		.doit		= fg_netlink_lease_detach,
		.policy		= fg_lease_policy,
		.maxattr	= FREEZEGUARD_A_LEASE_ID,
	},
	{
		.cmd		= FREEZEGUARD_CMD_LEASE_GET,
		.doit		= fg_netlink_lease_get,
		.dumpit		= fg_netlink_lease_dump,
		.policy		= fg_lease_policy,
		.maxattr	= FREEZEGUARD_A_LEASE_ID,
	},
	{
		.cmd		= FREEZEGUARD_CMD_FS_GET,
		.doit		= fg_netlink_fs_get,
		.policy		= fg_fs_get_policy,
		.maxattr	= ARRAY_SIZE(fg_fs_get_policy) - 1,
	},
};

/* Events name leases and processes, so only those who may see every lease receive them. */
static const struct genl_multicast_group fg_netlink_groups[] = {
	[FG_MCGRP_EVENTS] = { .name = FREEZEGUARD_MCGRP_EVENTS, FG_MCGRP_ADMIN },
};

struct genl_family fg_netlink_family = {
	.name		= FREEZEGUARD_FAMILY_NAME,
	.version	= FREEZEGUARD_FAMILY_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= fg_netlink_ops,
	.n_ops		= ARRAY_SIZE(fg_netlink_ops),
	.mcgrps		= fg_netlink_groups,
	.n_mcgrps	= ARRAY_SIZE(fg_netlink_groups),
};
