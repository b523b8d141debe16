/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layout: are two types the same, member by member? What a map that is loaded holds is
 * described by its BTF; a size alone would not tell a field that was moved or has a new meaning.
 */
#ifndef FREEZEGUARD_OBSERVER_LAYOUT_H
#define FREEZEGUARD_OBSERVER_LAYOUT_H

#include <stdbool.h>

#include <bpf/btf.h>

/**
 * observer_same_type() - compare two types
 * @a: describes the first
 * @a_id: its number in @a; 0 is void
 * @b: describes the second
 * @b_id: its number in @b
 *
 * The same are: integers of one size, encoding and name; structures and unions of one name, with
 * members of one name, place and type; enumerations of one name with the same names for the same
 * values; arrays; pointers, to whatever. Typedefs and qualifiers don't count.
 *
 * Return: whether they are. Types nested deeper than any of ours aren't.
 */
bool observer_same_type(const struct btf *a, __u32 a_id, const struct btf *b, __u32 b_id);

#endif
