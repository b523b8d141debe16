/* SPDX-License-Identifier: GPL-2.0-only */
/* observer: what of the observer is loaded, and what it counted */
#ifndef FREEZEGUARD_SHOW_OBSERVER_H
#define FREEZEGUARD_SHOW_OBSERVER_H

#include "freezectl.h"

/** observer_show() - print it; the findings get why something is unknown */
void observer_show(struct freezectl *ctl);

#endif
