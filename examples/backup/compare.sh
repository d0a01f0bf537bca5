#!/bin/sh
# compare.sh TENANT TARGET: row by row, whether the target has what the source has.

set -eu
# shellcheck source=examples/backup/settings.sh
. "$(dirname "$0")/settings.sh"

[ $# = 2 ] || { echo "usage: compare.sh TENANT TARGET" >&2; exit 64; }
# shellcheck disable=SC2086 # words
hr-migrate verify --from "$source" --to "$2" -S "$slot" -P "$publication" $tenancy --tenant "$1" \
    --timeout "${BACKUP_TIMEOUT:-60}"
