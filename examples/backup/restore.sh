#!/bin/sh
# restore.sh TENANT TIME TARGET: one tenant as it was then, as in
#
#	restore.sh acme '2026-01-31 10:30' service=restored
#
# The target has the tables, and none of the tenant's rows.

set -eu
# shellcheck source=examples/backup/settings.sh
. "$(dirname "$0")/settings.sh"

[ $# = 3 ] || { echo "usage: restore.sh TENANT TIME TARGET" >&2; exit 64; }
mkdir -p "$state"
# What the target has is in a checkpoint of its own, with which resume.sh goes on.
rm -f "$state/restored"
hr-ship --from-archive "$archive" --stream "$slot" --key-file "$keys" --tenant "$1" --until "$2" |
    hr-apply -d "$3" --checkpoint "$state/restored"
