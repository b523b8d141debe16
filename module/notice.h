/* SPDX-License-Identifier: GPL-2.0-only */
/* notice: reports to BPF programs; linux/freezeguard_notice.h is what they see. */
#ifndef FG_NOTICE_H
#define FG_NOTICE_H

#include <linux/freezeguard_notice.h>

void fg_notice_send(struct freezeguard_notice *notice);

#endif /* FG_NOTICE_H */
