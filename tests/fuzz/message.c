// SPDX-License-Identifier: GPL-2.0-only
/*
 * message: makes messages from the table.
 *
 * A message is made of its command's attributes, any of which can be spoilt on the way in one of the
 * ways that the policy must refuse. Then the whole can be spoilt once more. The random numbers drawn
 * don't depend on what the kernel answered, so that a seed repeats the messages but for the numbers
 * of leases in them.
 */
#include "message.h"

#include <string.h>
#include <linux/freezeguard.h>
#include <linux/genetlink.h>

#define PARTS_MAX	1024	/* attributes of one message */
#define HUGE_LEN	50000

/* Random numbers */

static uint64_t draw(struct fuzz_maker *m)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15ULL;	/* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/** fuzz_random() - a random number below @below */
uint32_t fuzz_random(struct fuzz_maker *m, uint32_t below)
{
	return (draw(m) >> 32) * below >> 32;
}

/** fuzz_one_in() - true once in @n times */
bool fuzz_one_in(struct fuzz_maker *m, uint32_t n)
{
	return !fuzz_random(m, n);
}

/* Bytes */

static void put(struct fuzz_batch *b, const void *data, size_t len)
{
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void pad(struct fuzz_batch *b)
{
	while (b->len % NLA_ALIGNTO)
		b->data[b->len++] = 0;
}

static void put_attr(struct fuzz_batch *b, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	put(b, &attr, sizeof(attr));
	put(b, data, len);
	pad(b);
}

static size_t begin_nest(struct fuzz_batch *b, uint16_t type)
{
	size_t at = b->len;

	put_attr(b, type, NULL, 0);
	return at;
}

static void end_nest(struct fuzz_batch *b, size_t at)
{
	uint16_t len = b->len - at;

	memcpy(b->data + at, &len, sizeof(len));
}

static void random_bytes(struct fuzz_maker *m, char *to, size_t len, bool nul)
{
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = nul ? fuzz_random(m, 256) : 1 + fuzz_random(m, 255);
}

/* Values that fit the policy */

static uint64_t pick_number(struct fuzz_maker *m)
{
	uint64_t wild = draw(m);
	unsigned int recent = fuzz_random(m, FUZZ_RECENT), kind = fuzz_random(m, 16);

	if (kind == 0)
		return wild;
	if (kind == 1)
		return wild >> 60;
	return m->recent[recent];
}

static int32_t pick_fd(struct fuzz_maker *m)
{
	unsigned int kind = fuzz_random(m, 16), which = draw(m) >> 33;

	if (kind == 0)
		return which;			/* up to INT32_MAX */
	if (kind == 1)
		return which % 1024;
	if (kind < 5)
		return m->bad_fds[which % m->n_bad_fds];
	return m->good_fds[which % m->n_good_fds];
}

static uint32_t pick_timeout(struct fuzz_maker *m)
{
	uint32_t wild = draw(m);

	switch (fuzz_random(m, 16)) {
	case 0: return wild ?: 1;
	case 1: return 1 + wild % 3000;
	default: return 1 + wild % 250;
	}
}

static uint64_t pick_integer(struct fuzz_maker *m, const struct fuzz_attr *attr)
{
	uint64_t range = attr->max - attr->min, wild = draw(m);

	if (!strcmp(attr->name, "number"))
		return pick_number(m);
	if (!strcmp(attr->name, "fd"))
		return pick_fd(m);
	if (!strcmp(attr->name, "timeout-ms"))
		return pick_timeout(m);
	if (fuzz_one_in(m, 4))
		return fuzz_one_in(m, 2) ? (uint64_t)attr->min : attr->max;
	return attr->min + (range + 1 ? wild % (range + 1) : wild);
}

/* The length with its NUL. What is in it is for the family to judge. */
static size_t pick_string(struct fuzz_maker *m, const struct fuzz_attr *attr, char *to)
{
	static const char *const samples[] = { "", "lease-1", "lease-", "a b", "\xc3\xa4", "x\n",
						"$(x)", "a/b" };
	size_t len;

	switch (fuzz_random(m, 16)) {
	case 0:
		len = fuzz_random(m, attr->max_len + 1);
		random_bytes(m, to, len, false);
		to[len] = '\0';
		return len + 1;
	case 1:
		strcpy(to, samples[fuzz_random(m, sizeof(samples) / sizeof(samples[0]))]);
		return strlen(to) + 1;
	case 2:
		memset(to, 'm', attr->max_len);
		to[attr->max_len] = '\0';
		return attr->max_len + 1;
	default:
		to[0] = 'a' + fuzz_random(m, 12);
		to[1] = '\0';
		return 2;
	}
}

static void add_attr(struct fuzz_batch *b, struct fuzz_maker *m, const struct fuzz_set *set,
		     const struct fuzz_attr *attr);

static void add_nested(struct fuzz_batch *b, struct fuzz_maker *m, const struct fuzz_set *set)
{
	unsigned int i;

	for (i = 0; i < set->n; i++)
		if (strcmp(set->attrs[i].name, "fd") ? fuzz_one_in(m, 3) : !fuzz_one_in(m, 20))
			add_attr(b, m, set, &set->attrs[i]);
}

static void add_good(struct fuzz_batch *b, struct fuzz_maker *m, const struct fuzz_attr *attr)
{
	char text[256];
	uint64_t value;
	size_t at;

	switch (attr->kind) {
	case FUZZ_U32:
	case FUZZ_S32:
	case FUZZ_U64:
		value = pick_integer(m, attr);
		put_attr(b, attr->type, &value, attr->kind == FUZZ_U64 ? 8 : 4);
		break;
	case FUZZ_STRING:
		at = pick_string(m, attr, text);
		put_attr(b, attr->type, text, at);
		break;
	case FUZZ_NEST:
		at = begin_nest(b, attr->type | NLA_F_NESTED);
		add_nested(b, m, attr->nested);
		end_nest(b, at);
		break;
	case FUZZ_FLAG:
	case FUZZ_PAD:
		put_attr(b, attr->type, NULL, 0);
		break;
	}
}

/* Values that the policy must refuse */

static void add_unknown(struct fuzz_batch *b, struct fuzz_maker *m, const struct fuzz_set *set)
{
	uint16_t types[] = { 0, set->n + 1, set->n + 2 + fuzz_random(m, 100),
			     (uint16_t)NLA_TYPE_MASK };
	char bytes[64];
	size_t len = fuzz_random(m, sizeof(bytes));

	random_bytes(m, bytes, len, true);
	put_attr(b, types[fuzz_random(m, 4)] | (fuzz_one_in(m, 4) ? NLA_F_NESTED : 0), bytes, len);
}

static void add_of_wrong_length(struct fuzz_batch *b, struct fuzz_maker *m,
				const struct fuzz_attr *attr)
{
	char bytes[200];
	size_t len;

	switch (attr->kind) {
	case FUZZ_STRING:
		len = fuzz_one_in(m, 4) ? 0 : 1 + fuzz_random(m, sizeof(bytes) - 1);
		random_bytes(m, bytes, len, false);
		if (len > attr->max_len + 2 && fuzz_one_in(m, 2))
			bytes[len - 1] = '\0';
		put_attr(b, attr->type, bytes, len);
		return;
	case FUZZ_NEST:	/* no room for an attribute */
		len = 1 + fuzz_random(m, 3);
		random_bytes(m, bytes, len, true);
		put_attr(b, attr->type | NLA_F_NESTED, bytes, len);
		return;
	default:
		len = fuzz_random(m, 20);
		if (len == (attr->kind == FUZZ_U64 ? 8 : 4))
			len++;
		random_bytes(m, bytes, len, true);
		put_attr(b, attr->type, bytes, len);
	}
}

static void add_out_of_range(struct fuzz_batch *b, struct fuzz_maker *m,
			     const struct fuzz_attr *attr)
{
	uint32_t value;

	if (attr->kind == FUZZ_S32 && attr->min == 0)
		value = 0x80000000U | draw(m);
	else if (attr->kind == FUZZ_U32 && attr->max < UINT32_MAX)
		value = attr->max + 1 + (fuzz_one_in(m, 2) ? 0 : fuzz_random(m, UINT32_MAX - attr->max));
	else if (attr->kind == FUZZ_U32 && attr->min)
		value = attr->min - 1;
	else
		return add_of_wrong_length(b, m, attr);
	put_attr(b, attr->type, &value, sizeof(value));
}

static void add_with_wrong_flag(struct fuzz_batch *b, struct fuzz_maker *m,
				const struct fuzz_attr *attr)
{
	size_t at = b->len;

	add_good(b, m, attr);
	b->data[at + 3] ^= NLA_F_NESTED >> 8;
}

static void add_of_impossible_length(struct fuzz_batch *b, struct fuzz_maker *m,
				     const struct fuzz_attr *attr)
{
	struct nlattr header = { .nla_type = attr->type };

	header.nla_len = fuzz_one_in(m, 2) ? fuzz_random(m, NLA_HDRLEN) : UINT16_MAX - fuzz_random(m, 8);
	put(b, &header, sizeof(header));
}

static void add_deep(struct fuzz_batch *b, struct fuzz_maker *m, const struct fuzz_attr *attr)
{
	unsigned int depth = 2 + fuzz_random(m, 60), i;
	size_t at[64];

	for (i = 0; i < depth; i++)
		at[i] = begin_nest(b, attr->type | NLA_F_NESTED);
	while (depth)
		end_nest(b, at[--depth]);
}

static void add_huge(struct fuzz_batch *b, struct fuzz_maker *m, const struct fuzz_attr *attr)
{
	struct nlattr header = { .nla_len = NLA_HDRLEN + HUGE_LEN, .nla_type = attr->type };

	if (b->len > sizeof(b->data) - 2 * HUGE_LEN)
		return add_deep(b, m, attr);
	put(b, &header, sizeof(header));
	memset(b->data + b->len, 1 + fuzz_random(m, 255), HUGE_LEN);
	b->len += HUGE_LEN;
	pad(b);
}

static void add_spoilt(struct fuzz_batch *b, struct fuzz_maker *m, const struct fuzz_set *set,
		       const struct fuzz_attr *attr)
{
	m->spoilt = true;
	switch (fuzz_random(m, 32)) {
	case 0: return add_huge(b, m, attr);
	case 1 ... 3: return add_deep(b, m, attr);
	case 4 ... 7: return add_of_impossible_length(b, m, attr);
	case 8 ... 12: return add_with_wrong_flag(b, m, attr);
	case 13 ... 18: return add_unknown(b, m, set);
	case 19 ... 24: return add_out_of_range(b, m, attr);
	default: return add_of_wrong_length(b, m, attr);
	}
}

static void add_attr(struct fuzz_batch *b, struct fuzz_maker *m, const struct fuzz_set *set,
		     const struct fuzz_attr *attr)
{
	if (m->spoil_one_in && fuzz_one_in(m, m->spoil_one_in))
		add_spoilt(b, m, set, attr);
	else
		add_good(b, m, attr);
}

/* Messages */

/* How often an attribute of a request comes. @name remembers from number to id. */
static unsigned int pick_times(struct fuzz_maker *m, const struct fuzz_attr *attr,
			       unsigned int *name)
{
	bool by_number = !strcmp(attr->name, "number");

	if (attr->multi) {
		switch (fuzz_random(m, 64)) {
		case 0: return 0;
		case 1: return 7 + fuzz_random(m, 20);
		case 2: return fuzz_one_in(m, 16) ? 600 : 3;
		default: return 1 + fuzz_random(m, 3);
		}
	}
	/* of number and id one names a lease; now and then none or both come */
	if (by_number)
		*name = 1 + fuzz_random(m, 40);
	if (*name && (by_number || !strcmp(attr->name, "id")))
		return *name < 3 ? *name - 1 : by_number == (*name % 3 > 0);
	if (!strcmp(attr->name, "id"))	/* of a new one */
		return fuzz_one_in(m, 2);
	return !fuzz_one_in(m, 30);
}

/* Exchange two attributes of one length or any: the bytes of both and of what is between them. */
static void exchange(struct fuzz_batch *b, size_t *parts, unsigned int n, struct fuzz_maker *m)
{
	unsigned int i = fuzz_random(m, n - 1);
	size_t first = parts[i + 1] - parts[i], second = parts[i + 2] - parts[i + 1];
	char copy[4096];

	if (first > sizeof(copy))
		return;
	memcpy(copy, b->data + parts[i], first);
	memmove(b->data + parts[i], b->data + parts[i + 1], second);
	memcpy(b->data + parts[i] + second, copy, first);
}

static void duplicate(struct fuzz_batch *b, size_t *parts, unsigned int n, struct fuzz_maker *m)
{
	unsigned int i = fuzz_random(m, n);
	size_t len = parts[i + 1] - parts[i];

	if (len > 4096)
		return;
	memmove(b->data + b->len, b->data + parts[i], len);
	b->len += len;
}

static const struct fuzz_op *pick_op(struct fuzz_maker *m)
{
	const struct fuzz_op *op = &fuzz_ops[fuzz_random(m, fuzz_n_ops)];

	/* more of what makes leases */
	return fuzz_one_in(m, 4) ? fuzz_op(FREEZEGUARD_CMD_LEASE_NEW) : op;
}

/* The family has other numbers of commands up to 255. */
static uint8_t pick_unknown_cmd(struct fuzz_maker *m)
{
	uint8_t cmd;

	do
		cmd = fuzz_random(m, fuzz_one_in(m, 2) ? 256 : 12);
	while (fuzz_op(cmd));
	return cmd;
}

/**
 * fuzz_begin() - begin a batch
 * @b: to be made
 * @seq: of its first message
 */
void fuzz_begin(struct fuzz_batch *b, uint32_t seq)
{
	b->seq = seq;
	b->n = 0;
	b->len = 0;
	b->full = false;
}

static struct fuzz_message *begin_message(struct fuzz_batch *b, struct nlmsghdr *header,
					  struct genlmsghdr *genl)
{
	struct fuzz_message *msg = &b->messages[b->n];

	*msg = (struct fuzz_message) { .cmd = genl->cmd, .at = b->len };
	header->nlmsg_seq = b->seq + b->n;
	b->len += NLMSG_HDRLEN;
	put(b, genl, sizeof(*genl));
	return msg;
}

static void end_message(struct fuzz_batch *b, struct fuzz_message *msg, struct nlmsghdr *header)
{
	msg->len = b->len - msg->at;
	header->nlmsg_len = msg->len;
	memcpy(b->data + msg->at, header, sizeof(*header));
	pad(b);
	b->n++;
	if (b->n == FUZZ_BATCH_MAX || b->len > sizeof(b->data) / 2)
		b->full = true;
}

/**
 * fuzz_add_get() - add a LEASE_GET
 * @b: not full
 * @m: its maker
 * @number: of the lease
 */
void fuzz_add_get(struct fuzz_batch *b, struct fuzz_maker *m, uint64_t number)
{
	struct nlmsghdr header = { .nlmsg_type = m->family, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
	struct genlmsghdr genl = { .cmd = FREEZEGUARD_CMD_LEASE_GET, .version = 1 };
	struct fuzz_message *msg = begin_message(b, &header, &genl);

	msg->ack = true;
	put_attr(b, FREEZEGUARD_A_LEASE_NUMBER, &number, sizeof(number));
	end_message(b, msg, &header);
}

/**
 * fuzz_add() - add a message to a batch
 * @b: not full
 * @m: its maker
 */
void fuzz_add(struct fuzz_batch *b, struct fuzz_maker *m)
{
	const struct fuzz_op *op = pick_op(m);
	struct nlmsghdr header = { .nlmsg_type = m->family, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
	struct genlmsghdr genl = { .cmd = op->cmd, .version = FREEZEGUARD_FAMILY_VERSION };
	unsigned int n = 0, i, times, name = 0, how = fuzz_random(m, 64);
	static size_t parts[PARTS_MAX + 2];
	struct fuzz_message *msg;
	bool bare;

	m->spoil_one_in = fuzz_one_in(m, 3) ? 2 + fuzz_random(m, 3) : 0;
	m->spoilt = false;
	msg = begin_message(b, &header, &genl);
	msg->dump = fuzz_one_in(m, op->dump ? 24 : 100);
	bare = msg->dump && !fuzz_one_in(m, 4);	/* of all leases */
	for (i = 0; i < op->set->n && !bare; i++) {
		const struct fuzz_attr *attr = &op->set->attrs[i];

		if (!(op->request & 1ULL << attr->type))
			continue;
		for (times = pick_times(m, attr, &name); times && n < PARTS_MAX; times--) {
			parts[n++] = b->len;
			add_attr(b, m, op->set, attr);
		}
	}
	parts[n] = b->len;
	msg->expect = m->spoilt ? FUZZ_MALFORMED : FUZZ_WELL_FORMED;
	if (msg->dump) {
		header.nlmsg_flags |= NLM_F_DUMP;
		if (!op->dump)
			msg->expect = FUZZ_MALFORMED;
		else
			b->full = true;	/* a socket has one dump at a time */
	}

	switch (how) {
	case 0 ... 3:
		if (n >= 2 && !m->spoilt)
			exchange(b, parts, n, m);
		break;
	case 4 ... 6:
		if (n && !m->spoilt)
			duplicate(b, parts, n, m);
		break;
	case 7:		/* something that doesn't fit behind the last attribute */
		i = 1 + fuzz_random(m, 3);
		random_bytes(m, b->data + b->len, i, true);
		b->len += i;
		msg->expect = FUZZ_MALFORMED;
		break;
	case 8 ... 9:	/* cut */
		b->len -= fuzz_random(m, b->len - msg->at - NLMSG_HDRLEN - GENL_HDRLEN + 1);
		if (msg->expect != FUZZ_MALFORMED || op->dump || !msg->dump)
			msg->expect = FUZZ_DOUBTFUL;
		break;
	case 10 ... 12:	/* bits */
		for (i = 1 + fuzz_random(m, 8); i && b->len > parts[0] && n; i--)
			b->data[parts[0] + fuzz_random(m, b->len - parts[0])] ^= 1 << fuzz_random(m, 8);
		if (n)
			msg->expect = FUZZ_DOUBTFUL;
		break;
	case 13:	/* noise */
		i = fuzz_random(m, 256);
		b->len = msg->at + NLMSG_HDRLEN + GENL_HDRLEN;
		random_bytes(m, b->data + b->len, i, true);
		b->len += i;
		msg->expect = FUZZ_DOUBTFUL;
		break;
	case 14 ... 15:
		msg->cmd = pick_unknown_cmd(m);
		b->data[msg->at + NLMSG_HDRLEN] = msg->cmd;
		msg->expect = FUZZ_MALFORMED;
		break;
	case 16:	/* another command's attributes */
		msg->cmd = fuzz_ops[fuzz_random(m, fuzz_n_ops)].cmd;
		b->data[msg->at + NLMSG_HDRLEN] = msg->cmd;
		msg->expect = FUZZ_DOUBTFUL;
		b->full |= msg->dump;
		break;
	case 17:	/* versions are not looked at */
		b->data[msg->at + NLMSG_HDRLEN + 1] = fuzz_random(m, 256);
		break;
	case 18:	/* the reserved field */
		random_bytes(m, b->data + msg->at + NLMSG_HDRLEN + 2, 2, true);
		msg->expect = FUZZ_DOUBTFUL;
		break;
	case 19:	/* flags; those of a dump are drawn above */
		header.nlmsg_flags |= draw(m) & (msg->dump ? 0xffff : 0xffff & ~NLM_F_MATCH);
		msg->expect = FUZZ_DOUBTFUL;
		break;
	case 20:	/* not for the family, or not for anybody */
		if (fuzz_one_in(m, 2)) {
			header.nlmsg_flags &= ~NLM_F_REQUEST;
			msg->expect = FUZZ_NOT_A_REQUEST;
		} else if (fuzz_one_in(m, 2)) {
			header.nlmsg_type = fuzz_random(m, NLMSG_MIN_TYPE);
			msg->expect = FUZZ_NOT_A_REQUEST;
		} else {
			header.nlmsg_type = UINT16_MAX - fuzz_random(m, 1000);
			msg->expect = FUZZ_MALFORMED;
		}
		msg->dump = false;
		break;
	case 21:	/* no room for the family's header */
		b->len = msg->at + NLMSG_HDRLEN + fuzz_random(m, GENL_HDRLEN);
		msg->expect = FUZZ_MALFORMED;
		break;
	case 22 ... 27:
		header.nlmsg_flags &= ~NLM_F_ACK;
		break;
	default:
		break;
	}
	msg->ack = header.nlmsg_flags & NLM_F_ACK;
	end_message(b, msg, &header);
	if (fuzz_one_in(m, 200)) {	/* a length that can't be: nothing behind it is looked at */
		uint32_t len = fuzz_one_in(m, 2) ? fuzz_random(m, NLMSG_HDRLEN) :
						   msg->len + 1 + fuzz_random(m, 1 << 30);

		if (len > b->len - msg->at || len < NLMSG_HDRLEN) {
			memcpy(b->data + msg->at, &len, sizeof(len));
			msg->expect = FUZZ_NOT_A_MESSAGE;
			b->full = true;
		}
	}
}
