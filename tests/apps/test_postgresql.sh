# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # variables of the libraries
# shellcheck source=tests/apps/lib.sh
. ./lib.sh
# shellcheck source=tests/apps/postgresql.sh
. ./postgresql.sh
plan 30
make_store data ext4 300
make_store wal xfs 320
t() { echo "# $1 $((($(now)-t0)/1000000)) ms"; t0=$(now); }
t0=$(now)
that "init" postgresql_init "$scratch/data/db" "$scratch/wal/wal"
t init
postgresql_start "$scratch/data/db" "$scratch/socket"
t start
that "tables" postgresql_does "$scratch/socket" "$postgresql_tables"
load_begins postgresql "$scratch/socket" "$scratch/said"
t load
sleep 3
wc -l $scratch/said/* | tail -1
mkfifo $scratch/fifo
psql -X -h $scratch/socket -U postgres -qAtF ' ' postgres <$scratch/fifo >$scratch/psql.out &
exec 7>$scratch/fifo
echo "select pg_backup_start('x', true);" >&7
within 10000 test -s $scratch/psql.out; cat $scratch/psql.out
freezectl freeze --id x --timeout 60s "$scratch/data" "$scratch/wal"
returned=$(now)
take_copies data wal
freezectl thaw --id x
echo "select labelfile from pg_backup_stop(false);" >&7
sleep 2
exec 7>&-
sed 1d $scratch/psql.out >$scratch/label
cat $scratch/label
t freeze
load_ends
that "clean" ext4_is_clean data
that mount mount_copy data ext4
that mount mount_copy wal xfs
cp $scratch/label $scratch/data-copy/db/backup_label; rm $scratch/data-copy/db/postmaster.pid
rm $scratch/data-copy/db/pg_wal
ln -s $scratch/wal-copy/wal $scratch/data-copy/db/pg_wal
t
postgresql_start "$scratch/data-copy/db" "$scratch/socket2"
t start2
that "tables clean" postgresql_is_clean "$scratch/socket2"
t check
postgresql_does "$scratch/socket2" "select client, seq from t" >$scratch/rows
that verify restored $scratch/said $scratch/rows $returned
cat $scratch/socket2.log
