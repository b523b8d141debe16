# SPDX-License-Identifier: GPL-2.0-only
# This machine's MariaDB, also with tables without transactions. Every table is closed.
# shellcheck source=tests/apps/mysql_rounds.sh
. ./mysql_rounds.sh
plan $((2 * (4 + rounds * 18)))

for type in ext4 xfs; do store $type stage sample_round; done
