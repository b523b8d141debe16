// SPDX-License-Identifier: GPL-2.0-only
/* The running kernel's attribute policies are those of the netlink spec. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kt.h"

struct spec_attr {
	uint16_t attr;
	uint32_t type;		/* NL_ATTR_TYPE_ */
	int64_t min;
	uint64_t max;
	uint32_t max_len;	/* of strings, 0: none */
	const struct spec_attr *nested;
};

struct spec_op {
	uint8_t cmd;
	uint16_t way;		/* CTRL_ATTR_POLICY_DO, _DUMP */
	const char *name;
	const struct spec_attr *attrs;
};

#include "spec-policy.h"

enum { POLICIES = 16, ATTRS = 64, CMDS = 32 };

struct attr_policy {
	bool present;
	uint32_t type, max_len, nested;
	int64_t min_s, max_s;
	uint64_t min_u, max_u;
};

static struct {
	struct attr_policy attrs[POLICIES][ATTRS];
	bool has_op[CMDS][3];
	uint32_t op[CMDS][3];		/* policy of a command, by CTRL_ATTR_POLICY_DO, _DUMP */
	unsigned int this_policy, this_attr, this_cmd;
} kernel;

static uint64_t number(const void *data, size_t len)
{
	uint64_t value = 0;

	memcpy(&value, data, len < sizeof(value) ? len : sizeof(value));
	return value;
}

static void each_limit(uint16_t type, const void *data, size_t len, void *arg)
{
	struct attr_policy *p = arg;

	switch (type) {
	case NL_POLICY_TYPE_ATTR_TYPE: p->type = number(data, len); break;
	case NL_POLICY_TYPE_ATTR_MIN_VALUE_S: p->min_s = number(data, len); break;
	case NL_POLICY_TYPE_ATTR_MAX_VALUE_S: p->max_s = number(data, len); break;
	case NL_POLICY_TYPE_ATTR_MIN_VALUE_U: p->min_u = number(data, len); break;
	case NL_POLICY_TYPE_ATTR_MAX_VALUE_U: p->max_u = number(data, len); break;
	case NL_POLICY_TYPE_ATTR_MAX_LENGTH: p->max_len = number(data, len); break;
	case NL_POLICY_TYPE_ATTR_POLICY_IDX: p->nested = number(data, len); break;
	}
}

static void each_attr(uint16_t type, const void *data, size_t len, void *arg)
{
	(void)arg;
	if (type >= ATTRS)
		FAIL("attribute %u", type);
	kernel.attrs[kernel.this_policy][type].present = true;
	fgnl_walk(data, len, each_limit, &kernel.attrs[kernel.this_policy][type]);
}

static void each_policy(uint16_t type, const void *data, size_t len, void *arg)
{
	if (type >= POLICIES)
		FAIL("policy %u", type);
	kernel.this_policy = type;
	fgnl_walk(data, len, each_attr, arg);
}

static void each_way(uint16_t type, const void *data, size_t len, void *arg)
{
	(void)arg;
	if (type < 3) {
		kernel.has_op[kernel.this_cmd][type] = true;
		kernel.op[kernel.this_cmd][type] = number(data, len);
	}
}

static void each_cmd(uint16_t type, const void *data, size_t len, void *arg)
{
	if (type >= CMDS)
		FAIL("command %u", type);
	kernel.this_cmd = type;
	fgnl_walk(data, len, each_way, arg);
}

static void each_top(uint16_t type, const void *data, size_t len, void *arg)
{
	if (type == CTRL_ATTR_POLICY)
		fgnl_walk(data, len, each_policy, arg);
	else if (type == CTRL_ATTR_OP_POLICY)
		fgnl_walk(data, len, each_cmd, arg);
}

static void each_message(const struct nlmsghdr *msg, void *arg)
{
	fgnl_walk((const char *)msg + NLMSG_HDRLEN + GENL_HDRLEN,
		  msg->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, each_top, arg);
}

static void read_policies(void)
{
	static struct fgnl_msg msg;
	uint16_t family;
	struct fgnl nl;

	kt_open(&nl);
	family = nl.family;
	nl.family = GENL_ID_CTRL;
	fgnl_begin(&msg, &nl, CTRL_CMD_GETPOLICY, NLM_F_DUMP);
	fgnl_put(&msg, CTRL_ATTR_FAMILY_ID, &family, sizeof(family));
	EQUAL(fgnl_talk(&nl, &msg, each_message, NULL), 0);
}

static void compare(const char *where, unsigned int policy, const struct spec_attr *spec)
{
	bool known[ATTRS] = { false };
	unsigned int i;

	for (; spec->attr; spec++) {
		const struct attr_policy *p = &kernel.attrs[policy][spec->attr];

		known[spec->attr] = true;
		if (!p->present)
			FAIL("%s: attribute %u is in the spec, not in the kernel", where, spec->attr);
		if (p->type != spec->type)
			FAIL("%s: attribute %u has type %u, in the spec %u", where, spec->attr,
			     p->type, spec->type);
		if (spec->type == NL_ATTR_TYPE_NUL_STRING && p->max_len != spec->max_len)
			FAIL("%s: attribute %u is at most %u long, in the spec %u", where,
			     spec->attr, p->max_len, spec->max_len);
		if ((spec->type == NL_ATTR_TYPE_U32 || spec->type == NL_ATTR_TYPE_U64) &&
		    (p->min_u != (uint64_t)spec->min || p->max_u != spec->max))
			FAIL("%s: attribute %u is from %llu to %llu, in the spec %lld to %llu",
			     where, spec->attr, (unsigned long long)p->min_u,
			     (unsigned long long)p->max_u, (long long)spec->min,
			     (unsigned long long)spec->max);
		if (spec->type == NL_ATTR_TYPE_S32 &&
		    ((int32_t)p->min_s != spec->min || p->max_s != (int64_t)spec->max))
			FAIL("%s: attribute %u is from %lld to %lld, in the spec %lld to %lld",
			     where, spec->attr, (long long)p->min_s, (long long)p->max_s,
			     (long long)spec->min, (long long)spec->max);
		if (spec->nested)
			compare(where, p->nested, spec->nested);
	}
	for (i = 0; i < ATTRS; i++)
		if (kernel.attrs[policy][i].present && !known[i])
			FAIL("%s: attribute %u is in the kernel, not in the spec", where, i);
}

TEST(policies_agree_with_the_spec)
{
	unsigned int i, cmd, way;

	read_policies();
	for (i = 0; i < sizeof(spec_ops) / sizeof(spec_ops[0]); i++) {
		const struct spec_op *op = &spec_ops[i];

		if (!kernel.has_op[op->cmd][op->way])
			FAIL("%s: the kernel has no such operation", op->name);
		/* a dump takes no attributes; on kernels that have no policy for it by itself
		 * the one of the do request shows, and a test of the protocol refuses them
		 */
		if (op->way == CTRL_ATTR_POLICY_DO)
			compare(op->name, kernel.op[op->cmd][op->way], op->attrs);
		kernel.has_op[op->cmd][op->way] = false;
	}
	for (cmd = 0; cmd < CMDS; cmd++)
		for (way = 0; way < 3; way++)
			if (kernel.has_op[cmd][way])
				FAIL("command %u, way %u: in the kernel, not in the spec", cmd, way);
}
