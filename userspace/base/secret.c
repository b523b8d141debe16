// SPDX-License-Identifier: GPL-2.0-only
/* secret: judged by the name of a variable, as people name passwords; a file's name is none */
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/secret.h"
#include "base/util.h"

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcasecmp(text + len - n, end);
}

/**
 * secret_name() - does a variable of this name hold a secret?
 * @variable: its name; what it begins with up to a "=" counts
 *
 * Return: whether it does: PGPASSWORD, MYSQL_PWD, API_TOKEN, but neither PGPASSFILE nor PWD.
 */
bool secret_name(const char *variable)
{
	static const char *const words[] = { "PASS", "PWD", "SECRET", "TOKEN" };
	char name[256] = "";
	size_t i;

	strncat(name, variable, strcspn(variable, "=") < sizeof(name) ?
		strcspn(variable, "=") : sizeof(name) - 1);
	if (ends_in(name, "FILE") || ends_in(name, "PATH") || ends_in(name, "DIR") ||
	    !strcmp(name, "PWD"))
		return false;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

/* A word --password=X, or for the clients of MySQL -pX. */
static bool has_password_argument(const char *variable, const char *value)
{
	bool mysql = !strncmp(variable, "MYSQL", 5) || !strncmp(variable, "MARIADB", 7);

	for (value += strspn(value, " \t\"'"); *value; value += strspn(value, " \t\"'")) {
		size_t n = strcspn(value, " \t\"'");

		if (!strncmp(value, "--password=", 11) && n > 11)
			return true;
		if (mysql && !strncmp(value, "-p", 2) && n > 2)
			return true;
		value += n;
	}
	return false;
}

/**
 * secret_exposed() - could others read a secret that a line of the configuration sets?
 * @variable: the variable's name
 * @value: its value; it is not repeated in the result
 * @mode: the file's
 *
 * Return: what is wrong, and what to do; NULL if nothing is.
 */
const char *secret_exposed(const char *variable, const char *value, mode_t mode)
{
	if (has_password_argument(variable, value))
		return "a password in a command's arguments can be read by every user; put it into an option file (--defaults-extra-file) that only root can read";
	if (secret_name(variable) && *value && mode & S_IROTH)
		return "this secret can be read by every user, as the file can; chmod o-r the file";
	return NULL;
}
