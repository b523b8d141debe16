/* SPDX-License-Identifier: GPL-2.0-only */
/* files: where applications' hooks and files lie, compared with what is frozen */
#ifndef FREEZEGUARD_APPS_FILES_H
#define FREEZEGUARD_APPS_FILES_H

#include "apps/hooks.h"
#include "base/config.h"
#include "base/text.h"

int files_of_hooks(const struct config *config, const struct hooks *hooks,
		   struct text_list *files);

#endif
