#!/bin/sh
# Once an hour: the log up to now, and the proof that all of the archive is as it
# was written; then the times that can be restored to.

set -eu
slot=${BACKUP_SLOT:-hr_backup}
archive=${BACKUP_ARCHIVE:-/backup}
keys=${BACKUP_KEYS:-/etc/hr/backup.keys}
here=$(dirname "$0")

"$here/log.sh"
hr-ship archive verify "$archive" --stream "$slot" --key-file "$keys"
hr-ship archive list "$archive" --stream "$slot" --key-file "$keys"
