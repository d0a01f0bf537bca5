#!/bin/sh
# restore.sh TENANT TIME TARGET: one tenant as it was then, as in
#
#	restore.sh acme '2026-01-31 10:30' service=restored
#
# The target has the tables, and none of the tenant's rows.

set -eu
slot=${BACKUP_SLOT:-hr_backup}
archive=${BACKUP_ARCHIVE:-/backup}			# or the copy
keys=${BACKUP_KEYS:-/etc/hr/backup.keys}
state=${BACKUP_STATE:-/var/lib/hr/backup}

[ $# = 3 ] || { echo "usage: restore.sh TENANT TIME TARGET" >&2; exit 64; }
mkdir -p "$state"
# What the target has is in a checkpoint of its own, with which resume.sh goes on.
rm -f "$state/restored"
hr-ship --from-archive "$archive" --stream "$slot" --key-file "$keys" --tenant "$1" --until "$2" |
    hr-apply -d "$3" --checkpoint "$state/restored"
