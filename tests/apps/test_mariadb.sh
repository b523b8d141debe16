# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # variables of the libraries
# shellcheck source=tests/apps/lib.sh
. ./lib.sh
# shellcheck source=tests/apps/mariadb.sh
. ./mariadb.sh
plan 30
make_store data ext4 300
t0=$(now)
that "init" mariadb_init "$scratch/data/db"
echo "# $((($(now)-t0)/1000000)) ms"
t0=$(now)
mariadb_start "$scratch/data/db" "$scratch/socket"
echo "# $((($(now)-t0)/1000000)) ms"
that "tables" mariadb_does "$scratch/socket" "$mariadb_tables"
t0=$(now)
load_begins mariadb "$scratch/socket" "$scratch/said"
echo "# $((($(now)-t0)/1000000)) ms"
sleep 3
wc -l $scratch/said/* | tail -1
mariadb_does "$scratch/socket" "FLUSH TABLES WITH READ LOCK; system freezectl freeze --id x --timeout 60s $scratch/data; system sh -c 'read a b </proc/uptime; echo \$a >$scratch/returned'; system sleep 1"
r=$(cat $scratch/returned); returned=${r%.*}${r#*.}0000000
take_copies data
freezectl thaw --id x
load_ends
that "clean" ext4_is_clean data
that mount mount_copy data ext4
t0=$(now)
mariadb_start "$scratch/data-copy/db" "$scratch/socket2"
echo "# start $((($(now)-t0)/1000000)) ms"
t0=$(now)
that "tables clean" mariadb_is_clean "$scratch/socket2"
echo "# check $((($(now)-t0)/1000000)) ms"
mariadb_does "$scratch/socket2" "select client, seq from test.t" | ./verify.py $scratch/said $returned
mariadb_does "$scratch/socket2" "select client, seq from test.m" | ./verify.py $scratch/said $returned
