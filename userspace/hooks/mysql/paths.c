// SPDX-License-Identifier: GPL-2.0-only
/* paths: where a server has its data, its redo and undo logs, and its binary log */
#include <stdio.h>
#include <string.h>

#include <mysqld_error.h>

#include "hooks/lib/session.h"
#include "hooks/mysql/paths.h"

/* Not every product and version has each. */
static bool is_unknown(int error)
{
	return error == ER_UNKNOWN_SYSTEM_VARIABLE || error == ER_UNKNOWN_TABLE ||
	       error == ER_BAD_FIELD_ERROR || error == ER_NO_SUCH_TABLE;
}

/* The directory of a file's column, or of a base name. */
#define DIRECTORY_OF(file)	"LEFT(" file ", LENGTH(" file ") - LOCATE('/', REVERSE(" file ")))"

/* One directory each; relative to the first one. */
static const char *const directories[] = {
	"SELECT @@datadir",
	"SELECT @@innodb_data_home_dir",
	"SELECT @@innodb_log_group_home_dir",
	"SELECT @@innodb_undo_directory",
	"SELECT @@innodb_doublewrite_dir",
	"SELECT " DIRECTORY_OF("@@log_bin_basename"),
};

/* Files elsewhere, such as those of DATA DIRECTORY: of MySQL, of MariaDB from 10.6, and before. */
#define OTHER_FILES(table, file)							\
	"SELECT DISTINCT " DIRECTORY_OF(file) " FROM information_schema." table " WHERE " file	\
	" LIKE '/%'"

static const char *const others[] = {
	OTHER_FILES("FILES", "FILE_NAME"),
	OTHER_FILES("INNODB_SYS_TABLESPACES", "FILENAME"),
	OTHER_FILES("INNODB_SYS_DATAFILES", "PATH"),
};

/**
 * paths_report() - print a PATH line for each directory
 * @server: connected
 * @until_ms: CLOCK_BOOTTIME
 *
 * Return: 0, or an exit status after a message.
 */
int paths_report(struct server *server, uint64_t until_ms)
{
	char base[4096] = "/";
	MYSQL_RES *rows;
	MYSQL_ROW row;
	size_t i;
	int r;

	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		r = server_ask(server, until_ms, &rows, "%s", directories[i]);
		if (r && !is_unknown(r))
			goto out_error;
		if (r)
			continue;
		if (!i)
			snprintf(base, sizeof(base), "%s", server_value(rows, 0) ?: "/");
		session_path(base, server_value(rows, 0));
		mysql_free_result(rows);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		r = server_ask(server, until_ms, &rows, "%s", others[i]);
		if (r && !is_unknown(r))
			goto out_error;
		while (!r && (row = mysql_fetch_row(rows)))
			session_other_path(row[0]);
		mysql_free_result(rows);
	}
	return 0;

out_error:
	session_say("the server's directories cannot be queried: %s", server->error);
	return SESSION_NOT_READY;
}
