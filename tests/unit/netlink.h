/* SPDX-License-Identifier: GPL-2.0-only */
/* netlink: messages as the kernel would send them, made by hand for the library's tests */
#ifndef FREEZEGUARD_TEST_NETLINK_H
#define FREEZEGUARD_TEST_NETLINK_H

#include <stdint.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#define TEST_FAMILY 0x77

/* A message under construction, in a buffer that is large enough for every test. */
struct test_msg {
	union {
		struct nlmsghdr nlh;
		char bytes[128 * 1024];
	};
};

static inline void msg_begin(struct test_msg *m, uint16_t type, uint16_t flags, uint32_t seq)
{
	memset(&m->nlh, 0, sizeof(m->nlh));
	m->nlh.nlmsg_len = NLMSG_HDRLEN;
	m->nlh.nlmsg_type = type;
	m->nlh.nlmsg_flags = flags;
	m->nlh.nlmsg_seq = seq;
}

static inline void msg_raw(struct test_msg *m, const void *data, size_t size)
{
	size_t padded = NLMSG_ALIGN(size);

	memset(m->bytes + m->nlh.nlmsg_len, 0, padded);
	memcpy(m->bytes + m->nlh.nlmsg_len, data, size);
	m->nlh.nlmsg_len += (uint32_t)padded;
}

static inline void msg_genl(struct test_msg *m, uint16_t flags, uint32_t seq, uint8_t cmd)
{
	struct genlmsghdr genl = { .cmd = cmd, .version = 1 };

	msg_begin(m, TEST_FAMILY, flags, seq);
	msg_raw(m, &genl, sizeof(genl));
}

static inline void msg_attr(struct test_msg *m, uint16_t type, const void *data, size_t size)
{
	struct nlattr attr = { .nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = type };

	msg_raw(m, &attr, sizeof(attr));
	msg_raw(m, data, size);
}

static inline void msg_u32(struct test_msg *m, uint16_t type, uint32_t value)
{
	msg_attr(m, type, &value, sizeof(value));
}

static inline void msg_u64(struct test_msg *m, uint16_t type, uint64_t value)
{
	msg_attr(m, type, &value, sizeof(value));
}

static inline void msg_string(struct test_msg *m, uint16_t type, const char *value)
{
	msg_attr(m, type, value, strlen(value) + 1);
}

static inline size_t msg_nest(struct test_msg *m, uint16_t type)
{
	size_t at = m->nlh.nlmsg_len;

	msg_attr(m, type | NLA_F_NESTED, "", 0);
	return at;
}

static inline void msg_nest_end(struct test_msg *m, size_t at)
{
	((struct nlattr *)(m->bytes + at))->nla_len = (uint16_t)(m->nlh.nlmsg_len - at);
}

/* An NLMSG_ERROR without the request's payload. @error is positive. */
static inline void msg_error(struct test_msg *m, uint16_t flags, uint32_t seq, int error)
{
	struct nlmsgerr err = { .error = -error, .msg.nlmsg_len = NLMSG_HDRLEN };

	msg_begin(m, NLMSG_ERROR, flags, seq);
	msg_raw(m, &err, sizeof(err));
}

#endif
