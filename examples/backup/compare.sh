#!/bin/sh
# compare.sh TENANT TARGET: row by row, whether the target has what the source has.

set -eu
source=${BACKUP_SOURCE:-service=home}
publication=${BACKUP_PUBLICATION:-shop}
tenancy=${BACKUP_TENANCY:---tenant-column tenant_id}
slot=${BACKUP_SLOT:-hr_backup}

[ $# = 2 ] || { echo "usage: compare.sh TENANT TARGET" >&2; exit 64; }
# shellcheck disable=SC2086 # words
hr-migrate verify --from "$source" --to "$2" -S "$slot" -P "$publication" $tenancy --tenant "$1" \
    --timeout "${BACKUP_TIMEOUT:-60}"
