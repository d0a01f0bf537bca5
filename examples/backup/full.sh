#!/bin/sh
# Once a day: a first copy, with which another chain of the archive begins, and
# away with the chains that are needed no more.

set -eu
# shellcheck source=examples/backup/settings.sh
. "$(dirname "$0")/settings.sh"
days=${BACKUP_DAYS:-14}					# restores to any time of these
here=$(dirname "$0")

mkdir -p "$state"
if [ -e "$state/checkpoint" ]; then
	# The old chain reaches to the new one, if it can.
	"$here/log.sh" || echo "full.sh: the log ends before the new copy" >&2
fi
exec 9>"$state/lock"
flock -w 3600 9
# There may be none, at first; a slot that is in use, or a server that is away, is an error.
status=0
hr-capture --drop-slot -d "$source" -S "$slot" 2>"$state/said" || status=$?
if [ $status != 0 ] && ! grep -q 'replication slot .* does not exist' "$state/said"; then
	cat "$state/said" >&2
	exit $status
fi
rm -f "$state/checkpoint"
# shellcheck disable=SC2086 # words
hr-capture -d "$source" -S "$slot" -P "$publication" $tenancy --create-slot --snapshot \
    --checkpoint "$state/checkpoint" --endpos now |
    hr-ship --archive "$archive" --key-file "$keys" --checkpoint "$state/checkpoint"
hr-ship archive expire "$archive" --stream "$slot" --key-file "$keys" --keep-days "$days" --keep-full 2
