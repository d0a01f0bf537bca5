#!/bin/sh
# Every five minutes: what was committed since the last run, into the archive.

set -eu
# shellcheck source=examples/backup/settings.sh
. "$(dirname "$0")/settings.sh"

[ -e "$state/checkpoint" ] || { echo "log.sh: there is no backup yet: run full.sh" >&2; exit 75; }
exec 9>"$state/lock"
flock -w "${BACKUP_WAIT:-240}" 9
# shellcheck disable=SC2086 # words
hr-capture -d "$source" -S "$slot" -P "$publication" $tenancy \
    --checkpoint "$state/checkpoint" --endpos now |
    hr-ship --archive "$archive" --key-file "$keys" --checkpoint "$state/checkpoint"
