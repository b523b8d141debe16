/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load: puts the observer's programs into the kernel and takes them away again. Links and
 * maps are pinned: what is loaded stays when this program ends.
 */
#ifndef FREEZEGUARD_OBSERVER_LOAD_H
#define FREEZEGUARD_OBSERVER_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/findings.h"
#include "observer/keep.h"

/**
 * struct observer_load_result - what a load did
 * @already: the same programs were loaded, and nothing was done
 * @replaced: others were, which these replaced
 * @maps: what became of their maps
 * @n_frozen: filesystems that were frozen before the observer came, as far as it is known
 * @log: what libbpf and the kernel's verifier said, or NULL
 */
struct observer_load_result {
	bool already, replaced;
	struct observer_kept maps;
	size_t n_frozen;
	char *log;
};

/**
 * observer_load() - load the observer
 * @replace: also if it is loaded already
 * @result: set; observer_load_result_clear() it
 * @f: gets why it cannot be loaded: code 1 a permission is missing, 206 the machine isn't ready for
 *	it, 2 anything else; and warnings
 *
 * One at a time: waits up to half a minute for another one. A failed load leaves what was loaded
 * before as it was. What a killed one left is removed by the next, and by observer_unload().
 *
 * Return: whether it is loaded now.
 */
bool observer_load(bool replace, struct observer_load_result *result, struct findings *f);
void observer_load_result_clear(struct observer_load_result *result);

/**
 * observer_unload() - take everything away that a load made
 * @was_loaded: set to whether there was something
 * @f: gets why it cannot be done
 *
 * Return: whether nothing is left.
 */
bool observer_unload(bool *was_loaded, struct findings *f);

#endif
