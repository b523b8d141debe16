# SPDX-License-Identifier: GPL-2.0-only
# The newest MySQL: with a lock that lets transactions go on, and, since a table has none, with one that does not.
# shellcheck disable=SC2034 # of mysql.sh
product=mysql
# shellcheck source=tests/apps/mysql_rounds.sh
. ./mysql_rounds.sh
plan $((2 * (4 + rounds * 14)))

store ext4 instance
store xfs ftwrl
