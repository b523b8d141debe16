/* SPDX-License-Identifier: GPL-2.0-only */
/* notice: tells BPF programs of holds; linux/freezeguard_notice.h is what they see. */
#ifndef FG_NOTICE_H
#define FG_NOTICE_H

#include <linux/freezeguard_notice.h>

struct fg_hold;

void fg_notice_tell(const struct fg_hold *hold, enum freezeguard_notice_event event);

#endif /* FG_NOTICE_H */
