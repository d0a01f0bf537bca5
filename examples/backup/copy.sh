#!/bin/sh
# The archive in a second directory, which another region has mounted, and the
# proof that it is whole there.

set -eu
# shellcheck source=examples/backup/settings.sh
. "$(dirname "$0")/settings.sh"
copy=${BACKUP_COPY:-/region2/backup}

[ -d "$archive/$slot" ] || { echo "copy.sh: '$archive' has no '$slot'" >&2; exit 77; }
exec 9>"$state/lock"
flock -w 3600 9
mkdir -p "$copy/$slot"
# Segments grow, or are sealed again: what is newer is copied.
cp -Rpu "$archive/$slot/." "$copy/$slot/"
# Verified before what has expired goes.
hr-ship archive verify "$copy" --stream "$slot" --key-file "$keys"
for chain in "$copy/$slot"/*/; do
	chain=$(basename "$chain")
	[ -d "$archive/$slot/$chain" ] || rm -rf "${copy:?}/$slot/$chain"
done
sync
