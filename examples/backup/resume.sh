#!/bin/sh
# resume.sh TENANT TARGET: on from where restore.sh ended: the rest of the archive,
# and then what the source commits, until it is ended; with BACKUP_END=now up to now.
#
# The slot is the replication's from then on: run no log.sh meanwhile.

set -eu
# shellcheck source=examples/backup/settings.sh
. "$(dirname "$0")/settings.sh"

[ $# = 2 ] || { echo "usage: resume.sh TENANT TARGET" >&2; exit 64; }
exec 9>"$state/lock"
flock -w 3600 9
hr-ship --from-archive "$archive" --stream "$slot" --key-file "$keys" --tenant "$1" \
    --since "$(hr-checkpoint get "$state/restored")" | hr-apply -d "$2" --checkpoint "$state/restored"
# shellcheck disable=SC2086 # words
hr-capture -d "$source" -S "$slot" -P "$publication" $tenancy --tenant "$1" \
    --checkpoint "$state/restored" ${BACKUP_END:+--endpos "$BACKUP_END"} |
    hr-apply -d "$2" --checkpoint "$state/restored"
