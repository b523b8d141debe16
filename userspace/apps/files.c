// SPDX-License-Identifier: GPL-2.0-only
/* files: where applications' hooks and files lie, compared with what is frozen */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/files.h"
#include "lease/preflight.h"

/**
 * files_of_hooks() - what is used while filesystems are frozen so that hooks can be called
 * @config: where the records are
 * @hooks: the hooks; those that are not called use nothing
 * @files: gets the paths
 *
 * Return: 0 or -ENOMEM.
 */
int files_of_hooks(const struct config *config, const struct hooks *hooks,
		   struct text_list *files)
{
	char *above = text_format("%s/..", config->run_dir), *slash;
	size_t i;
	int ret = above ? 0 : -ENOMEM;

	if (!ret && hooks_n_called(hooks)) {
		/* It is made where it is missing. */
		slash = strrchr(config->run_dir, '/');
		if (access(config->run_dir, F_OK) && slash > config->run_dir)
			above[slash - config->run_dir] = '\0';
		else
			strcpy(above, config->run_dir);
		ret = text_list_add(files, above);
	}
	free(above);
	for (i = 0; !ret && i < hooks->n; i++)
		if (!hooks->v[i].skip)
			ret = preflight_files(hooks->v[i].path, files);
	return ret;
}
