# SPDX-License-Identifier: GPL-2.0-only
# A newer MariaDB than this machine's.
# shellcheck disable=SC2034 # of mysql.sh
product=mariadb-next
# shellcheck source=tests/apps/mysql_rounds.sh
. ./mysql_rounds.sh
plan $((2 * (4 + rounds * 14)))

for type in ext4 xfs; do store $type stage; done
