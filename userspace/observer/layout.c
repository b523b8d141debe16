// SPDX-License-Identifier: GPL-2.0-only
/* layout: are two types the same, member by member? */
#include <string.h>

#include "observer/layout.h"

#define MAX_DEPTH	16

static bool same(const struct btf *a, __u32 a_id, const struct btf *b, __u32 b_id, int depth);

/* Typedefs and qualifiers left out; NULL: there is no such type. */
static const struct btf_type *resolved(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	int i;

	for (i = 0; t && i < MAX_DEPTH && (btf_is_mod(t) || btf_is_typedef(t)); i++)
		t = btf__type_by_id(btf, t->type);
	return t;
}

static bool same_name(const struct btf *a, __u32 a_offset, const struct btf *b, __u32 b_offset)
{
	const char *a_name = btf__name_by_offset(a, a_offset);
	const char *b_name = btf__name_by_offset(b, b_offset);

	return a_name && b_name && !strcmp(a_name, b_name);
}

static bool same_members(const struct btf *a, const struct btf_type *at, const struct btf *b,
			 const struct btf_type *bt, int depth)
{
	const struct btf_member *am = btf_members(at), *bm = btf_members(bt);
	int i;

	for (i = 0; i < btf_vlen(at); i++)
		if (btf_member_bit_offset(at, i) != btf_member_bit_offset(bt, i) ||
		    btf_member_bitfield_size(at, i) != btf_member_bitfield_size(bt, i) ||
		    !same_name(a, am[i].name_off, b, bm[i].name_off) ||
		    !same(a, am[i].type, b, bm[i].type, depth + 1))
			return false;
	return true;
}

static bool same_values(const struct btf *a, const struct btf_type *at, const struct btf *b,
			const struct btf_type *bt)
{
	const struct btf_enum *av = btf_enum(at), *bv = btf_enum(bt);
	int i;

	for (i = 0; i < btf_vlen(at); i++)
		if (av[i].val != bv[i].val || !same_name(a, av[i].name_off, b, bv[i].name_off))
			return false;
	return true;
}

static bool same(const struct btf *a, __u32 a_id, const struct btf *b, __u32 b_id, int depth)
{
	const struct btf_type *at = resolved(a, a_id), *bt = resolved(b, b_id);

	if (!at || !bt || depth > MAX_DEPTH || btf_kind(at) != btf_kind(bt))
		return false;
	switch (btf_kind(at)) {
	case BTF_KIND_UNKN:
	case BTF_KIND_PTR:
		return true;
	case BTF_KIND_INT:
		return at->size == bt->size && btf_int_encoding(at) == btf_int_encoding(bt) &&
		       same_name(a, at->name_off, b, bt->name_off);
	case BTF_KIND_ARRAY:
		return btf_array(at)->nelems == btf_array(bt)->nelems &&
		       same(a, btf_array(at)->type, b, btf_array(bt)->type, depth + 1);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return at->size == bt->size && btf_vlen(at) == btf_vlen(bt) &&
		       same_name(a, at->name_off, b, bt->name_off) &&
		       same_members(a, at, b, bt, depth);
	case BTF_KIND_ENUM:
		return at->size == bt->size && btf_vlen(at) == btf_vlen(bt) &&
		       same_name(a, at->name_off, b, bt->name_off) && same_values(a, at, b, bt);
	}
	return false;
}

bool observer_same_type(const struct btf *a, __u32 a_id, const struct btf *b, __u32 b_id)
{
	return same(a, a_id, b, b_id, 0);
}
