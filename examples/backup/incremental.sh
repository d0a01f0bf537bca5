#!/bin/sh
# Once an hour: the log up to now, and the proof that all of the archive is as it
# was written; then the times that can be restored to.

set -eu
# shellcheck source=examples/backup/settings.sh
. "$(dirname "$0")/settings.sh"
here=$(dirname "$0")

"$here/log.sh"
hr-ship archive verify "$archive" --stream "$slot" --key-file "$keys"
hr-ship archive list "$archive" --stream "$slot" --key-file "$keys"
