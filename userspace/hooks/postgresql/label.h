/* SPDX-License-Identifier: GPL-2.0-only */
/* label: what a restore from archived WAL needs, kept where the supervisor says */
#ifndef FREEZEGUARD_HOOK_POSTGRESQL_LABEL_H
#define FREEZEGUARD_HOOK_POSTGRESQL_LABEL_H

int label_keep(const char *name, const char *text);

#endif
