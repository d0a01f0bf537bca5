# shellcheck shell=sh disable=SC2034 # of the other scripts
# What all of them need, from the environment or as it is here.

source=${BACKUP_SOURCE:-service=home}			# what is backed up
publication=${BACKUP_PUBLICATION:-shop}
tenancy=${BACKUP_TENANCY:---tenant-column tenant_id}	# whose a row is
slot=${BACKUP_SLOT:-hr_backup}
archive=${BACKUP_ARCHIVE:-/backup}			# or, for restore.sh, the copy
keys=${BACKUP_KEYS:-/etc/hr/backup.keys}
state=${BACKUP_STATE:-/var/lib/hr/backup}		# checkpoint and lock
