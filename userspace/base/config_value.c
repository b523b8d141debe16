// SPDX-License-Identifier: GPL-2.0-only
/* config_value: what a configuration says, once it has been read */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/duration.h"

/** config_is_list() - may the key be given several times? */
bool config_is_list(const struct config_key *key)
{
	return key->type == CONFIG_PATHS || key->type == CONFIG_NAMES;
}

/** config_from_profile() - is the value of a key from the profile in force, and not from [default]? */
bool config_from_profile(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < CONFIG_N_KEYS; i++)
		if (!strcmp(config_keys[i].name, name))
			return config->from[i].profile;
	return false;
}

/** config_line() - the line of the file that sets a key; 0: it is the default */
unsigned int config_line(const struct config *config, const char *name)
{
	size_t k;

	for (k = 0; k < CONFIG_N_KEYS; k++)
		if (!strcmp(config_keys[k].name, name))
			return config->from[k].line;
	return 0;
}

/** config_hook() - the section of a hook; NULL if there is none */
const struct config_hook *config_hook(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->n_hooks; i++)
		if (!strcmp(config->hooks[i].name, name))
			return &config->hooks[i];
	return NULL;
}

/** config_n_values() - how many values a key has: those of a list, or 1; 0 if it has none */
size_t config_n_values(const struct config *config, const struct config_key *key)
{
	const void *place = (const char *)config + key->offset;

	return config_is_list(key) ? ((const struct text_list *)place)->n :
	       key->type != CONFIG_DURATION || *(const uint32_t *)place;
}

/**
 * config_value() - a value as it would be written into the file
 * @config: what is in force
 * @key: one of config_keys[]
 * @i: which of a list's values
 *
 * Return: the text, for free(); NULL without memory.
 */
char *config_value(const struct config *config, const struct config_key *key, size_t i)
{
	const void *place = (const char *)config + key->offset;
	char span[DURATION_TEXT_MAX];

	switch (key->type) {
	case CONFIG_DURATION:
		return text_copy(duration_format(*(const uint32_t *)place, span, sizeof(span)));
	case CONFIG_BOOL:
		return text_copy(*(const bool *)place ? "yes" : "no");
	case CONFIG_PATH:
		return text_copy(*(char *const *)place ? *(char *const *)place : "");
	default:
		return text_copy(((const struct text_list *)place)->v[i]);
	}
}

/** config_free() - free what config_read() filled */
void config_free(struct config *config)
{
	size_t k;

	for (k = 0; k < CONFIG_N_KEYS; k++) {
		void *place = (char *)config + config_keys[k].offset;

		if (config_is_list(&config_keys[k]))
			text_list_free(place);
		else if (config_keys[k].type == CONFIG_PATH)
			free(*(char **)place);
	}
	for (k = 0; k < config->n_hooks; k++) {
		free(config->hooks[k].name);
		text_list_free(&config->hooks[k].env);
		text_list_free(&config->hooks[k].paths);
	}
	free(config->hooks);
	free(config->file);
	free(config->profile);
	*config = (struct config){ 0 };
}
