#!/bin/sh
# Every five minutes: what was committed since the last run, into the archive.

set -eu
source=${BACKUP_SOURCE:-service=home}			# what is backed up
publication=${BACKUP_PUBLICATION:-shop}
tenancy=${BACKUP_TENANCY:---tenant-column tenant_id}	# whose a row is
slot=${BACKUP_SLOT:-hr_backup}
archive=${BACKUP_ARCHIVE:-/backup}
keys=${BACKUP_KEYS:-/etc/hr/backup.keys}
state=${BACKUP_STATE:-/var/lib/hr/backup}		# checkpoint and lock

[ -e "$state/checkpoint" ] || { echo "log.sh: there is no backup yet: run full.sh" >&2; exit 75; }
exec 9>"$state/lock"
flock -w "${BACKUP_WAIT:-240}" 9
# shellcheck disable=SC2086 # words
hr-capture -d "$source" -S "$slot" -P "$publication" $tenancy \
    --checkpoint "$state/checkpoint" --endpos now |
    hr-ship --archive "$archive" --key-file "$keys" --checkpoint "$state/checkpoint"
