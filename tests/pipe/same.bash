# same.bash - two oracles that know nothing of each other, and have to agree:
# sorted dumps of both sides, and hr-migrate verify.
#
#	same [CONDITION]		all tables have the same rows
#	same_rows TABLE [CONDITION]	one table has
#	same_dump [CONDITION]		by the dump alone, for what verify rightly
#					calls different; with a comment why
#	verified [TABLE [CONDITION]]	by verify alone, for what the dump cannot
#					know, such as columns that are not published
#
# A condition is on the dump's rows.  For verify one that names the tenant
# stands for the tenants of the rows that meet it, and any other for the row
# filter of the publication: the target must have nothing besides.
# shellcheck shell=bash disable=SC2153 # SRC, DST and the rest: pair()

same() {
	agree "" "${1:-}"
}

same_rows() {
	agree "$1" "${2:-}"
}

same_dump() {
	same_database "$SRC" "$DST" "$@"
}

verified() {
	local verifier said

	verifier "${1:-}" "${2:-}" || return
	said=$("${verifier[@]}" 2>&1) || fail "${verifier[*]}" "$said"
}

# Tables are compared without -S: the job has ended, and verify has to see at
# once what is there.  Of a pipeline that runs, with from.pid, verify waits for
# what it brings, but not before the dumps are equal: somebody asks again.
agree() {
	local dump=0 verify=0 verifier

	if [ -n "$1" ]; then
		same_table "$SRC" "$DST" "$@"
	else
		same_database "$SRC" "$DST" "$2"
	fi >same.dump || dump=$?
	if ours from.pid && [ $dump != 0 ]; then
		cat same.dump
		return $dump
	fi
	verifier "$@" || return
	"${verifier[@]}" >same.verify 2>same.err || verify=$?
	[ "$dump/$verify" != 0/0 ] || same_counts || return
	[ "$dump/$verify" = 0/0 ] ||
	    fail "dump $dump:" "$(cat same.dump)" "verify $verify: ${verifier[*]}" "$(cat same.verify same.err)"
}

# Set verifier, the command, for a table and a condition that may be empty.
verifier() {
	local names name

	verifier=(hr-migrate verify --from "$SRC" --to "$DST" "${TENANCY[@]}" --timeout 10)
	publication "${FROM[@]}"
	! ours from.pid || verifier+=(-S "$SLOT")
	case $1 in
	"") ;;
	*.*) verifier+=(--table "$1") ;;
	*) verifier+=(--table "public.$1") ;;
	esac
	[[ $2 == *tenant_id* ]] || return 0
	names=$(tenants_of "$@") || return
	[ -n "$names" ] || fail "no row has: $2" || return
	while IFS= read -r name; do
		verifier+=(--tenant "$name")
	done <<<"$names"
}

# What the command of a capture says with -P.
publication() {
	while [ "$1" != -P ]; do
		shift
	done
	verifier+=(-P "$2")
}

# The tenants that rows of a table, or of all, meeting a condition have.
tenants_of() {
	local side

	for side in "$SRC" "$DST"; do
		pg_sql "$side" -v "t=$1" -v "c=$2" <<-'SQL' || return
		SELECT format('SELECT DISTINCT tenant_id::text COLLATE "C" FROM %s WHERE %s', c.oid::regclass, :'c')
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute ON attrelid = c.oid
		WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname !~ '^pg_|^hr$'
		AND attname = 'tenant_id' AND (:'t' = '' OR c.oid = to_regclass(:'t'))
		\gexec
		SQL
	done >same.tenants
	sort -u same.tenants
}

# Of each table that both have counted they have counted as many rows.
same_counts() {
	local word name rows more
	local -A dump

	while read -r word name rows; do
		[[ $name == *.* ]] || name=public.$name
		dump[${name//\"/}]=$rows
	done <same.dump
	while read -r word name rows more; do
		[ "${dump[$name]:-$rows}" = "$rows" ] || [ "$word" != equal ] || [ -n "$more" ] ||
		    fail "$name: dump ${dump[$name]} rows, verify $rows" || return
	done <same.verify
}
