// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel's answer to a request: error number, message, cookie, and the attribute that it is
 * about. libnl 3.7 maps error numbers to fewer of its own and has no helper for the extended ack.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/genetlink.h>
#include <netlink/attr.h>

#include "internal.h"

static void parse_tlvs(const char *tlvs, int len, struct fg_extack *ack)
{
	struct nlattr *attr;
	int rem;

	nla_for_each_attr(attr, (struct nlattr *)tlvs, len, rem) {
		switch (nla_type(attr)) {
		case NLMSGERR_ATTR_MSG:
			nla_strlcpy(ack->message, attr, sizeof(ack->message));
			break;
		case NLMSGERR_ATTR_OFFS:
			if (nla_len(attr) >= (int)sizeof(uint32_t))
				ack->offset = nla_get_u32(attr);
			break;
		case NLMSGERR_ATTR_COOKIE:
			if (nla_len(attr) == sizeof(uint64_t))
				ack->cookie = nla_get_u64(attr);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			if (nla_len(attr) >= (int)sizeof(uint32_t))
				ack->missing = nla_get_u32(attr);
			break;
		}
	}
}

/**
 * fg_extack_parse() - read an NLMSG_ERROR or NLMSG_DONE
 * @nlh: the message; its length has been checked against the buffer
 * @ack: where to; all of it is overwritten
 *
 * Return: 0, also when the kernel reports an error; -EBADMSG if the message is malformed.
 */
int fg_extack_parse(const struct nlmsghdr *nlh, struct fg_extack *ack)
{
	const char *payload = (const char *)nlh + NLMSG_HDRLEN;
	const struct nlmsgerr *err = (const struct nlmsgerr *)payload;
	size_t len = nlh->nlmsg_len - NLMSG_HDRLEN;
	size_t skip;
	int code;

	memset(ack, 0, sizeof(*ack));
	if (nlh->nlmsg_type == NLMSG_DONE) {
		/* An old kernel may end a dump with no code at all. */
		if (len < sizeof(int))
			return 0;
		memcpy(&code, payload, sizeof(code));
		skip = sizeof(int);
	} else {
		if (len < sizeof(*err))
			return -EBADMSG;
		code = err->error;
		/* The request is echoed whole with an error, unless the socket asked for less. */
		skip = sizeof(*err);
		if (code && !(nlh->nlmsg_flags & NLM_F_CAPPED)) {
			if (err->msg.nlmsg_len < NLMSG_HDRLEN)
				return -EBADMSG;
			skip += NLMSG_ALIGN(err->msg.nlmsg_len - NLMSG_HDRLEN);
		}
	}
	if (code > 0 || code < -4095)
		return -EBADMSG;
	ack->error = -code;
	if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) && skip < len)
		parse_tlvs(payload + skip, (int)(len - skip), ack);
	return 0;
}

/**
 * fg_extack_attr() - name the attribute of a request that the kernel complains about
 * @request: the request that was sent
 * @offset: where the attribute is in it
 * @name: where its name goes, "superblock[1].fd" for one in the second superblock; empty if there
 *	is no attribute there
 * @size: bytes in @name
 * @superblock: set to the index of the superblock that it is or is in, else -1
 */
void fg_extack_attr(const struct nlmsghdr *request, uint32_t offset, char *name, size_t size,
		    int *superblock)
{
	const struct genlmsghdr *genl = (const void *)((const char *)request + NLMSG_HDRLEN);
	const char *start = (const char *)request, *set;
	const struct freezeguard_attr *known;
	struct nlattr *attr, *inner;
	int rem, inner_rem, index = 0;
	uint32_t at;

	name[0] = '\0';
	*superblock = -1;
	if (!offset || request->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return;
	set = genl->cmd == FREEZEGUARD_CMD_FS_GET ? "fs" : "lease";
	nla_for_each_attr(attr, (struct nlattr *)(start + NLMSG_HDRLEN + GENL_HDRLEN),
			  (int)(request->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN), rem) {
		bool nest =
			!strcmp(set, "lease") && nla_type(attr) == FREEZEGUARD_A_LEASE_SUPERBLOCK;

		at = (uint32_t)((const char *)attr - start);
		known = fg_attr_find(set, (uint16_t)nla_type(attr));
		if (offset == at && !nest) {
			if (known)
				snprintf(name, size, "%s", known->name);
			else
				snprintf(name, size, "%d", nla_type(attr));
			return;
		}
		if (!nest)
			continue;
		if (offset >= at && offset < at + attr->nla_len) {
			*superblock = index;
			snprintf(name, size, "superblock[%d]", index);
			nla_for_each_nested(inner, attr, inner_rem) {
				known = fg_attr_find("superblock", (uint16_t)nla_type(inner));
				if (offset == (uint32_t)((const char *)inner - start) && known)
					snprintf(name, size, "superblock[%d].%s", index,
						 known->name);
			}
			return;
		}
		index++;
	}
}
