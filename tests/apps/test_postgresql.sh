# SPDX-License-Identifier: GPL-2.0-only
# This machine's PostgreSQL.
# shellcheck source=tests/apps/postgresql_rounds.sh
. ./postgresql_rounds.sh
