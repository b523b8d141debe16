# SPDX-License-Identifier: GPL-2.0-only
# A newer PostgreSQL than this machine's.
# shellcheck disable=SC2034 # of postgresql.sh
product=postgresql-next
# shellcheck source=tests/apps/postgresql_rounds.sh
. ./postgresql_rounds.sh
