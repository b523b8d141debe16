/* SPDX-License-Identifier: GPL-2.0-only */
/* planshow: a plan for people, with a warning of what its timeout can do to the machine */
#ifndef FREEZEGUARD_PLANSHOW_H
#define FREEZEGUARD_PLANSHOW_H

#include "freezectl.h"

void planshow(struct freezectl *ctl, const struct plan *plan, uint32_t timeout_ms);

#endif
