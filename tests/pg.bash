# pg.bash - throw-away PostgreSQL clusters for tests, measurements and demos.
#
# A cluster is a name.  All of one run live in $PG_DIR, listen on a unix
# socket there (PG_TCP=1: on a free port of 127.0.0.1 too) and end with the
# shell that called pg_begin, also when that shell is killed.  Nothing is kept
# in variables but PG_DIR, so that subshells and other files can go on with it.
#
#	pg_begin			make $PG_DIR
#	pg_start NAME [CONF LINE]...	make the cluster if it is new, start it
#	pg_stop NAME [fast|immediate]
#	pg_restart NAME [fast|immediate]
#	pg_conninfo NAME DB		print the connection string
#	pg_version NAME			print the server's version: 15, 17
#	pg_psql NAME DB [PSQL ARG]...	a script's psql: bare rows, stops at errors
#	pg_sql CONNINFO [PSQL ARG]...	the same by connection string
#	pg_end				stop all, remove all
#
# As root the servers run as user postgres, made when there is none.
# PG_BIN names the server's programs, PG_FSYNC=off and PG_BUFFERS=512MB change
# what new clusters are made with, PG_FRESH=1 gives one its own initdb and so
# its own system identifier.
#
# PG_ROOT_NAME is the folder of another system (tests/versions makes them), and
# cluster NAME is that system's server, in a chroot, for which one has to be
# root.  Its files are in there under the same path, $PG_DIR/NAME is a link to
# them, and that is all that remembers it: nothing is mounted.

pg_bin() {
	local d

	if [ -n "${1:-}" ]; then
		d=$(printf '%s\n' "$1"/usr/lib/postgresql/*/bin | sort -V | tail -n 1)
		[ -x "$d/initdb" ] || { echo "pg.bash: no PostgreSQL server in $1" >&2; return 69; }
		printf '%s\n' "${d#"$1"}"
		return 0
	fi
	for d in ${PG_BIN:-} "$(pg_config --bindir 2>/dev/null || true)" \
	    $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) /usr/pgsql-*/bin; do
		if [ -x "$d/initdb" ]; then
			printf '%s\n' "$d"
			return 0
		fi
	done
	echo "pg.bash: no PostgreSQL server programs; set PG_BIN" >&2
	return 69
}

# pg_as ROOT COMMAND...: as the user that servers run as, in ROOT's system
# when it is not empty.
pg_as() {
	local root=$1

	shift
	if [ -n "$root" ]; then
		(cd / && exec chroot "$root" runuser -u postgres -- "$@")
	elif [ "$(id -u)" = 0 ]; then
		(cd / && exec runuser -u postgres -- "$@")
	else
		(cd / && exec "$@")
	fi
}

pg_begin() {
	PG_BIN=$(pg_bin) || return
	# Short, whatever TMPDIR says: a socket's path ends at 107 bytes.
	PG_DIR=$(mktemp -d /tmp/hrpg.XXXXXX) || return
	PATH=$PG_BIN:$PATH
	export PATH PG_BIN PG_DIR
	chmod 755 "$PG_DIR"
	if [ "$(id -u)" = 0 ]; then
		id postgres >/dev/null 2>&1 ||
		    useradd --system --no-create-home --shell /bin/sh postgres || return
		chown postgres "$PG_DIR"
	fi
	# In a process group of its own: it outlives a kill of the whole run.
	set -m
	pg_guard $$ </dev/null >/dev/null 2>&1 3>&- 4>&- &
	set +m
	disown $!
}

# Outlive the owner just long enough to clean up behind it.
pg_guard() {
	trap '' HUP INT TERM
	while [ -d "$PG_DIR" ] && kill -0 "$1"; do
		sleep 1
	done
	pg_end
}

# Whose system a cluster is of: empty, or what its link has before its path.
pg_root() {
	local link

	link=$(readlink "$PG_DIR/$1") || return 0
	printf '%s\n' "${link%"$PG_DIR/$1"}"
}

# pg_initdb ROOT DATA
pg_initdb() {
	local bin

	bin=$(pg_bin "$1") || return
	pg_as "$1" "$bin/initdb" -D "$2" -U postgres -A trust -E UTF8 --locale=C \
	    --no-sync --no-instructions >"$PG_DIR/initdb.log" 2>&1 ||
	    { cat "$PG_DIR/initdb.log" >&2; return 70; }
	# One role that needs its password, for tests of just that.
	printf '%s\n' 'local all hr_password scram-sha-256' \
	    'local replication hr_password scram-sha-256' |
	    cat - "$1$2/pg_hba.conf" | pg_as "$1" tee "$2/pg_hba.new" >/dev/null
	pg_as "$1" mv "$2/pg_hba.new" "$2/pg_hba.conf"
}

pg_port_free() {
	local port

	while :; do
		port=$((20000 + RANDOM % 30000))
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# pg_move NAME ROOT: the new cluster's files will be in ROOT.
pg_move() {
	[ "$(id -u)" = 0 ] || { echo "pg.bash: a server in a chroot needs root" >&2; return 77; }
	mkdir -p "$2$PG_DIR" && chmod 755 "$2$PG_DIR" && chroot "$2" chown postgres "$PG_DIR" &&
	    ln -s "$2$PG_DIR/$1" "$PG_DIR/$1"
}

pg_start() {
	local home=$PG_DIR/$1 port=5432 listen='' root bin other=PG_ROOT_$1

	if [ ! -d "$home" ] && [ -n "${!other:-}" ]; then
		pg_move "$1" "${!other}" || return
	fi
	root=$(pg_root "$1")
	bin=$(pg_bin "$root") || return
	shift
	if [ ! -d "$home" ]; then
		if [ -n "${PG_TCP:-}" ]; then
			port=$(pg_port_free)
			listen=127.0.0.1
		fi
		pg_as "$root" mkdir "$home"
		if [ -n "${PG_FRESH:-}" ]; then
			pg_initdb "$root" "$home/data" || return
		else
			[ -d "$root$PG_DIR/template" ] ||
			    pg_initdb "$root" "$PG_DIR/template" || return
			pg_as "$root" cp -a "$PG_DIR/template" "$home/data" || return
		fi
		echo "$port" | pg_as "$root" tee "$home/port" >/dev/null
		pg_as "$root" tee -a "$home/data/postgresql.conf" >/dev/null <<-CONF
		listen_addresses = '$listen'
		port = $port
		unix_socket_directories = '$home'
		unix_socket_permissions = 0777
		fsync = ${PG_FSYNC:-on}
		shared_buffers = ${PG_BUFFERS:-128MB}
		max_wal_size = 4GB
		max_connections = 100
		wal_level = logical
		max_wal_senders = 20
		max_replication_slots = 400
		max_worker_processes = 16
		max_prepared_transactions = 10
		track_commit_timestamp = on
		autovacuum = on
		timezone = UTC
		log_timezone = UTC
		log_line_prefix = '%m [%p] %a %d '
		CONF
		# Origins were bounded by the slots before.
		[ "$(cat "$home/data/PG_VERSION")" -lt 18 ] ||
		    set -- "max_active_replication_origins = 400" "$@"
	fi
	if [ $# -gt 0 ]; then
		printf '%s\n' "$@" | pg_as "$root" tee -a "$home/data/postgresql.conf" >/dev/null
	fi
	pg_as "$root" "$bin/pg_ctl" start -s -w -t 60 -D "$home/data" -l "$home/log" \
	    3>&- 4>&- || { tail -n 20 "$home/log" >&2; return 70; }
}

pg_stop() {
	local root bin

	root=$(pg_root "$1")
	bin=$(pg_bin "$root") || return
	pg_as "$root" "$bin/pg_ctl" stop -s -w -t 60 -m "${2:-fast}" -D "$PG_DIR/$1/data"
}

pg_restart() {
	pg_stop "$1" "${2:-fast}"
	pg_start "$1"
}

pg_version() {
	cat "$PG_DIR/$1/data/PG_VERSION"
}

pg_conninfo() {
	printf 'host=%s port=%s user=postgres dbname=%s\n' \
	    "$PG_DIR/$1" "$(cat "$PG_DIR/$1/port")" "$2"
}

pg_sql() {
	local conninfo=$1

	shift
	PGOPTIONS='-c client_min_messages=warning' \
	    psql -XqAt -v ON_ERROR_STOP=1 -d "$conninfo" "$@"
}

pg_psql() {
	local conninfo

	conninfo=$(pg_conninfo "$1" "$2") || return
	shift 2
	pg_sql "$conninfo" "$@"
}

pg_end() {
	local pidfile pid link

	[ -n "${PG_DIR:-}" ] && [ -d "$PG_DIR" ] || return 0
	for pidfile in "$PG_DIR"/*/data/postmaster.pid; do
		if [ -f "$pidfile" ] && read -r pid <"$pidfile"; then
			kill -QUIT "$pid" 2>/dev/null || true
			while kill -0 "$pid" 2>/dev/null; do
				sleep 0.05
			done
		fi
	done
	for link in "$PG_DIR"/*; do
		[ ! -L "$link" ] || rm -rf "$(pg_root "${link##*/}")$PG_DIR"
	done
	rm -rf "$PG_DIR"
}

# The columns that same_table compares: the source's, by name.
pg_columns() {
	pg_sql "$1" -v "t=$2" <<-'SQL'
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
	FROM pg_attribute
	WHERE attrelid = :'t'::regclass AND attnum > 0 AND NOT attisdropped
	SQL
}

# A table's rows as sorted text: conninfo, table, columns, condition.
pg_rows() {
	local -

	set -o pipefail
	PGOPTIONS='-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres
	    -c extra_float_digits=3 -c bytea_output=hex -c lc_monetary=C' \
	    psql -XqAt -v ON_ERROR_STOP=1 -d "$1" \
	    -c "COPY (SELECT $3 FROM $2 WHERE ${4:-true}) TO STDOUT" </dev/null | LC_ALL=C sort
}

# Compare tables: source, target, condition.  On standard input each, its
# columns and "ONLY ", with tabs between.  Say what differs, and of what does
# not how many rows.
pg_same() {
	local table columns only rows dir status=0

	dir=$(mktemp -d) || return
	while IFS=$'\t' read -r table columns only; do
		if ! pg_rows "$1" "$only$table" "$columns" "$3" >"$dir/source" ||
		    ! pg_rows "$2" "$only$table" "$columns" "$3" >"$dir/target"; then
			status=1
		elif cmp -s "$dir/source" "$dir/target"; then
			mapfile -t rows <"$dir/source"
			echo "equal $table ${#rows[@]}"
		else
			echo "$table differs: $(wc -l <"$dir/source") rows at the source," \
			    "$(wc -l <"$dir/target") at the target (< source, > target)"
			diff "$dir/source" "$dir/target" | cut -c 1-200 | head -n 20 || true
			status=1
		fi
	done
	rm -rf "$dir"
	return $status
}

# same_table SOURCE TARGET TABLE [CONDITION]: equal to the row, duplicates
# counted.
same_table() {
	local columns

	columns=$(pg_columns "$1" "$3") || return
	pg_same "$1" "$2" "${4:-}" <<<"$3"$'\t'"${columns:-'row'}"
}

# same_database SOURCE TARGET [CONDITION]: all tables of the source, each of a
# tree by itself.
same_database() {
	local tables

	tables=$(pg_sql "$1" -F $'\t' <<-'SQL'
	SELECT format('%I.%I', nspname, relname),
	coalesce(string_agg(quote_ident(attname), ', ' ORDER BY attnum), quote_literal('row')),
	CASE WHEN relkind = 'r' AND relhassubclass THEN 'ONLY ' END
	FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	LEFT JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
	WHERE relkind IN ('r', 'p') AND NOT relispartition AND relpersistence = 'p'
	AND nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'hr')
	GROUP BY c.oid, nspname, relname ORDER BY 1
	SQL
	) || return
	[ -z "$tables" ] || pg_same "$1" "$2" "${3:-}" <<<"$tables"
}
