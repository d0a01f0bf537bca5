# Two clusters for all files of this folder.  The target differs from the
# source in all that must not matter.

# shellcheck source=tests/pg.bash
. "${BASH_SOURCE[0]%/*}/../pg.bash"

setup_suite() {
	# No test pulls the plug: what a killed server wrote is there all the same.
	PG_FSYNC=off
	pg_begin || return
	pg_start source || return
	pg_start target "datestyle = 'SQL, DMY'" "timezone = 'Asia/Kolkata'" \
	    "intervalstyle = iso_8601" "extra_float_digits = -5" \
	    "bytea_output = escape" || return
	echo "# servers: $(pg_version source) to $(pg_version target)" >&3
}

teardown_suite() {
	pg_end
}
