// SPDX-License-Identifier: GPL-2.0-only
/* The library's table of attributes, "SET NAME NUMBER TYPE" a line, for spec.py. */
#include <stdio.h>

#include "freezeguard.h"

int main(void)
{
	for (size_t i = 0; i < freezeguard_n_attrs; i++)
		printf("%s %s %u %s\n", freezeguard_attrs[i].set, freezeguard_attrs[i].name,
		       freezeguard_attrs[i].number,
		       freezeguard_attr_type_name(freezeguard_attrs[i].type));
	return 0;
}
