// SPDX-License-Identifier: GPL-2.0-only
/* 5.15.y: what other kernels call GENL_MCAST_CAP_SYS_ADMIN is a bit field there. */
#include <net/genetlink.h>
extern const struct genl_multicast_group probe;
const struct genl_multicast_group probe = { .name = "probe", .cap_sys_admin = 1 };
