load ../lib
load pipe

setup() {
	pair
}

teardown() {
	unpair
}

items() {
	both "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, t text)"
	slot
}

# A stream of three transactions, each of ten rows for each of two tenants.
stream() {
	local i

	items
	for i in 0 100 200; do
		src "INSERT INTO items SELECT t, $i + 20 * n + j, repeat('x', 20)
		    FROM generate_series(1, 10) j,
		    unnest(ARRAY['acme', 'globex']) WITH ORDINALITY u(t, n)"
	done
	record "$1"
}

# Each tenant has whole transactions, in order.
nothing_in_part() {
	equal 0 "$(dst "SELECT count(*) FROM (SELECT tenant_id, id / 100 FROM items
	    GROUP BY 1, 2 HAVING count(*) <> 10) t")"
	equal t "$(dst "SELECT coalesce(bool_and(n = max / 100 + 1), true) FROM (SELECT
	    count(DISTINCT id / 100) n, max(id) FROM items GROUP BY tenant_id) t")"
}

# hr-apply refuses the file with status $1 and a message like $2.
refused() {
	run "-$1" --separate-stderr hr-apply -d "$DST" <"$3"
	one_error hr-apply "$2"
	[ -z "$output" ]
}

# Print offset, size and type of each frame.
frames() {
	local at=8 size h

	size=$(wc -c <"$1")
	while [ $at -lt "$size" ]; do
		read -ra h < <(od -An -v -tu1 -w28 -j $at -N 28 "$1")
		printf '%d %d %b\n' $at $((28 + h[2] + h[3] * 256 + h[4] + h[5] * 256 + h[6] * 65536)) \
		    "\\0$(printf %o "${h[0]}")"
		at=$((at + 28 + h[2] + h[3] * 256 + h[4] + h[5] * 256 + h[6] * 65536))
	done
}

piece() {
	tail -c +$(($2 + 1)) "$1" | head -c "$3"
}

@test "a stream of no bytes is refused" {
	items
	: >empty.hrs
	refused 65 "empty" empty.hrs
	equal 0 "$(dst "SELECT count(*) FROM items")"
}

@test "what is not a stream is refused" {
	items
	echo "INSERT INTO items VALUES (1);" >not.hrs
	refused 65 "not" not.hrs
	head -c 100000 /dev/zero >not.hrs
	refused 65 "not" not.hrs
}

@test "a stream cut anywhere is refused, and no transaction is there in part" {
	local at size n=0

	stream whole.hrs
	size=$(wc -c <whole.hrs)
	while read -r at _; do
		for n in $at $((at + 1)) $((at + 30)); do
			[ "$n" -lt "$size" ] || continue
			head -c "$n" whole.hrs >cut.hrs
			refused 65 "ended|end frame" cut.hrs
			nothing_in_part
		done
	done < <(frames whole.hrs)
	head -c -1 whole.hrs >cut.hrs
	refused 65 "ended" cut.hrs
	nothing_in_part
	run -0 hr-apply -d "$DST" <whole.hrs
	same
}

@test "a flipped byte anywhere is refused, and no transaction is there in part" {
	local size at byte

	stream whole.hrs
	size=$(wc -c <whole.hrs)
	for ((at = size - 1; at >= 0; at -= size / 25)); do
		byte=$(od -An -tu1 -j $at -N 1 whole.hrs)
		{
			head -c $at whole.hrs
			printf '%b' "\\0$(printf %o $((byte ^ 16)))"
			tail -c +$((at + 2)) whole.hrs
		} >flipped.hrs
		cmp -s whole.hrs flipped.hrs && fail "nothing flipped at $at"
		refused 65 "" flipped.hrs
		nothing_in_part
	done
	run -0 hr-apply -d "$DST" <whole.hrs
	same
}

@test "frames that are missing, doubled or in another order are refused at once, and lose nothing" {
	local why="does not match its checksum, or a frame before it is missing; " at size type i first last

	stream whole.hrs
	frames whole.hrs >list
	[ "$(wc -l <list)" -gt 5 ]
	# The first and the last with rows change places.
	read -r first i _ < <(grep 'D$' list)
	read -r last size _ < <(grep 'D$' list | tail -n 1)
	[ "$first" -lt "$last" ]
	{
		head -c "$first" whole.hrs
		piece whole.hrs "$last" "$size"
		piece whole.hrs $((first + i)) $((last - first - i))
		piece whole.hrs "$first" "$i"
		tail -c +$((last + size + 1)) whole.hrs
	} >odd.hrs
	equal "$(wc -c <whole.hrs)" "$(wc -c <odd.hrs)"
	refused 65 "at byte $first: .*$why" odd.hrs
	equal 0 "$(dst "SELECT count(*) FROM items")"
	# Every frame but the last, in turn, twice and then left out.
	while read -r at size type; do
		[ "$type" != E ] || continue
		{ head -c $((at + size)) whole.hrs; tail -c +$((at + 1)) whole.hrs; } >odd.hrs
		refused 65 "at byte $((at + size)): .*$why" odd.hrs
		nothing_in_part
		{ head -c "$at" whole.hrs; tail -c +$((at + size + 1)) whole.hrs; } >odd.hrs
		refused 65 "at byte $at: .*$why" odd.hrs
		nothing_in_part
	done <list
	run -0 hr-apply -d "$DST" <whole.hrs
	same
}

@test "bytes after the end frame are refused, with all before them applied" {
	stream whole.hrs
	{ cat whole.hrs; echo more; } >odd.hrs
	refused 65 "follow" odd.hrs
	nothing_in_part
}

@test "a lower epoch is refused and writes nothing" {
	items
	src "INSERT INTO items VALUES ('acme', 1)"
	sync --epoch 5
	src "INSERT INTO items VALUES ('acme', 2)"
	record old.hrs --epoch 4
	refused 77 "epoch" old.hrs
	equal 1 "$(dst "SELECT count(*) FROM items")"
	job --epoch 4
	[ "$from" = 77 ] || [ "$to" = 77 ]
	equal 1 "$(dst "SELECT count(*) FROM items")"
	sync --epoch 5
	same
	src "INSERT INTO items VALUES ('acme', 3)"
	sync --epoch 6
	same
}

@test "another system with a slot of the same name is refused" {
	local db=${SLOT#hr_} here=$SRC

	items
	src "INSERT INTO items VALUES ('acme', 1)"
	sync
	PG_FRESH=1 pg_start other
	new_database other "$db"
	SRC=$(pg_conninfo other "$db")
	src "CREATE PUBLICATION hr FOR ALL TABLES; CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, t text)"
	slot
	src "INSERT INTO items VALUES ('acme', 2)"
	record other.hrs
	pg_stop other immediate
	refused 77 "system" other.hrs
	equal 1 "$(dst "SELECT count(*) FROM items")"
	SRC=$here
	src "INSERT INTO items VALUES ('acme', 3)"
	sync
	same
}

@test "a slot that was made anew is a gap, and refused" {
	items
	src "INSERT INTO items VALUES ('acme', 1)"
	sync
	src "SELECT pg_drop_replication_slot('$SLOT')"
	src "INSERT INTO items VALUES ('acme', 2)"
	slot
	src "INSERT INTO items VALUES ('acme', 3)"
	job
	[ "$from/$to" = 77/65 ] || ended 75 77
	grep -E "error: .*'$SLOT'.*missing.*recreated" from.err to.err
	# And where there is no checkpoint file to tell.
	record gap.hrs
	refused 77 "" gap.hrs
	equal 1 "$(dst "SELECT id FROM items")"
}

@test "a slot that is missing is said, with what makes it" {
	job
	ended 78 65
	one_error hr-capture "slot '$SLOT' does not exist; .*--create-slot" from.err
}

@test "a slot in use is temporary" {
	items
	pg_recvlogical -d "$SRC" --slot "$SLOT" --start -f /dev/null -o proto_version=1 \
	    -o publication_names=hr 3>&- 2>/dev/null &
	echo $! >other.pid
	wait_for 5 slot_is_active
	job
	ended 75 65
	one_error hr-capture "slot .*active" from.err
}

slot_is_active() {
	[ "$(src "SELECT active FROM pg_replication_slots WHERE slot_name = '$SLOT'")" = t ]
}

@test "a slot of another plugin or database is refused" {
	src "SELECT FROM pg_create_logical_replication_slot('$SLOT', 'test_decoding')"
	job
	ended 78 65
	one_error hr-capture "pgoutput" from.err
	src "SELECT pg_drop_replication_slot('$SLOT')"
	pg_psql source postgres -c "SELECT FROM pg_create_logical_replication_slot('$SLOT', 'pgoutput')"
	job
	ended 78 65
	one_error hr-capture "database 'postgres'" from.err
}

@test "wal_level too low is said" {
	pg_start low "wal_level = replica"
	SRC=$(pg_conninfo low postgres)
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr)
	src "CREATE PUBLICATION hr FOR ALL TABLES" 2>/dev/null
	job --create-slot
	pg_stop low immediate
	ended 78 65
	one_error hr-capture "wal_level.*; set wal_level" from.err
}

@test "a publication that does not exist is said" {
	items
	src "DROP PUBLICATION hr"
	job
	ended 78 65
	one_error hr-capture "publication 'hr'" from.err
}

@test "a table whose deletes cannot be routed is refused, with the SQL that mends it" {
	items
	src "CREATE TABLE bare (tenant_id text, t text); ALTER TABLE bare REPLICA IDENTITY NOTHING"
	src "INSERT INTO items VALUES ('acme', 1)"
	job
	ended 78 65
	one_error hr-capture "'public.bare'.*; .*ALTER TABLE" from.err
	run -78 --separate-stderr hr-capture -d "$SRC" -S "$SLOT" -P hr --tenant-column tenant_id --check
	[[ $output == *"ALTER TABLE"*"REPLICA IDENTITY"* ]]
	equal 0 "$(dst "SELECT count(*) FROM items")"
	src "ALTER PUBLICATION hr SET (publish = 'insert')"
	both "CREATE TABLE IF NOT EXISTS bare (tenant_id text, t text)"
	src "INSERT INTO bare VALUES ('acme', 'x')"
	sync
	same
}

@test "a table without the tenant's column is refused" {
	items
	src "CREATE TABLE countries (code text PRIMARY KEY)"
	job
	ended 78 65
	one_error hr-capture "'public.countries'.*'tenant_id'" from.err
	run -78 --separate-stderr hr-capture -d "$SRC" -S "$SLOT" -P hr --tenant-column tenant_id --check
	[[ $output == *countries* ]]
}

@test "a table made on the way that cannot be routed ends the stream, and loses nothing" {
	items
	src "INSERT INTO items VALUES ('acme', 1)"
	src "CREATE TABLE countries (code text PRIMARY KEY); INSERT INTO countries VALUES ('DE')"
	src "INSERT INTO items VALUES ('acme', 2)"
	job
	ended 78 65
	dst "CREATE TABLE countries (code text PRIMARY KEY)"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables:
	  public.countries: {tenancy: shared}
	YAML
	sync
	same
}

@test "a source that is not there is temporary" {
	items
	FROM=(hr-capture -d "host=$BATS_TEST_TMPDIR user=postgres dbname=x" -S "$SLOT" -P hr)
	job
	ended 75 65
	one_error hr-capture "cannot connect: " from.err
}

@test "a target that is not there is temporary" {
	items
	src "INSERT INTO items VALUES ('acme', 1)"
	record s.hrs
	run -75 --separate-stderr hr-apply -d "host=$BATS_TEST_TMPDIR user=postgres dbname=x" <s.hrs
	one_error hr-apply "cannot connect: "
}

@test "a wrong password or database is configuration, and no secret is shown" {
	items
	pg_psql source postgres -c "DROP ROLE IF EXISTS hr_password" \
	    -c "CREATE ROLE hr_password LOGIN REPLICATION PASSWORD 'right'"
	pg_psql target postgres -c "DROP ROLE IF EXISTS hr_password" \
	    -c "CREATE ROLE hr_password LOGIN PASSWORD 'right'"
	FROM=(hr-capture -d "${SRC/user=postgres/user=hr_password password=hunter2}" -S "$SLOT" -P hr)
	job -v
	ended 78 65
	one_error hr-capture "password authentication failed" from.err
	! grep hunter2 from.err
	src "INSERT INTO items VALUES ('acme', 1)"
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr)
	record s.hrs
	run -78 --separate-stderr hr-apply -v -d "${DST/user=postgres/user=hr_password password=hunter2}" <s.hrs
	one_error hr-apply "password authentication failed"
	[[ $stderr != *hunter2* ]]
	run -78 --separate-stderr hr-apply -d "${DST/dbname=/dbname=no_}" <s.hrs
	one_error hr-apply "does not exist"
	run -78 --separate-stderr hr-apply -d "${DST/user=postgres/user=hr_password password=right}" <s.hrs
	one_error hr-apply "permission denied.*; "
	FROM=(hr-capture -d "${SRC/user=postgres/user=hr_password password=right}" -S "$SLOT" -P hr)
	TO=(hr-apply -d "${DST/user=postgres/user=hr_password password=right}")
	pg_psql target postgres -c "ALTER ROLE hr_password SUPERUSER"
	job
	ended 0 0
	same
	src "DROP OWNED BY hr_password CASCADE" || true
}

@test "a table that the target lacks parks its tenants and says the SQL" {
	items
	src "CREATE TABLE extra (tenant_id text, id int PRIMARY KEY, n numeric(8,2) NOT NULL)"
	src "INSERT INTO items VALUES ('acme', 1), ('globex', 2); INSERT INTO extra VALUES ('acme', 1, 1.5)"
	src "INSERT INTO items VALUES ('acme', 3), ('globex', 4)"
	job
	ended 0 77
	[[ $(parked) == "acme|"*"public.extra"* ]]
	same_rows items "tenant_id = 'globex'"
	equal 1 "$(dst "SELECT count(*) FROM hr.tenant WHERE state = 'parked' AND hint ~ 'CREATE TABLE'")"
	dst "CREATE TABLE extra (tenant_id text, id int PRIMARY KEY, n numeric(8,2) NOT NULL)"
	run -0 hr-apply -d "$DST" --retry
	same
}

@test "a column that the target lacks parks its tenants and says the SQL" {
	items
	src "INSERT INTO items VALUES ('acme', 1)"
	src "ALTER TABLE items ADD added numeric(8,2) DEFAULT 3.25; INSERT INTO items VALUES ('acme', 2, 'x', 7.5)"
	job
	ended 0 77
	[[ $(parked) == "acme|"*added* ]]
	local sql
	sql=$(dst "SELECT hint FROM hr.tenant WHERE tenant = 'acme'")
	[[ $sql == *"ALTER TABLE"*"ADD COLUMN"*added*numeric* ]]
	run -77 hr-apply -d "$DST" --retry
	dst "ALTER TABLE items ADD added numeric(8,2) DEFAULT 3.25"
	run -0 hr-apply -d "$DST" --retry
	same
}

@test "a column that the target lacks is added with --ddl add" {
	items
	src "ALTER TABLE items ADD \"Odd one\" numeric(8,2)[]; INSERT INTO items VALUES ('acme', 2, 'x', '{7.5}')"
	APPLY=(--ddl add)
	sync
	same
	equal "numeric(8,2)[]" "$(dst "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
	    WHERE attrelid = 'items'::regclass AND attname = 'Odd one'")"
}

@test "a value that the target's type cannot hold parks its tenant" {
	items
	dst "ALTER TABLE items ALTER t TYPE int USING 0"
	src "INSERT INTO items VALUES ('acme', 1, '17'), ('acme', 2, 'eighteen'), ('globex', 3, '19')"
	src "INSERT INTO items VALUES ('globex', 4, '20')"
	job
	ended 0 77
	[[ $(parked) == "acme|"* ]]
	equal "3,4" "$(dst "SELECT string_agg(id::text, ',' ORDER BY id) FROM items")"
}

@test "a full disk, or input that cannot be read, is I/O" {
	items
	src "INSERT INTO items VALUES ('acme', 1)"
	run -74 --separate-stderr bash -c "hr-capture -d '$SRC' -S $SLOT -P hr --tenant-column tenant_id --endpos now >/dev/full"
	one_error hr-capture "No space left"
	run -74 --separate-stderr hr-apply -d "$DST" <.
	one_error hr-apply ""
}

@test "a damaged checkpoint file is refused, and may be removed" {
	items
	src "INSERT INTO items VALUES ('acme', 1)"
	echo "not a checkpoint" >"$F"
	job
	ended 65 65
	one_error hr-capture "'$F'.*; remove" from.err
	rm "$F"
	sync
	same
}

@test "a parked tenant does not hold the others' slot, nor a second run" {
	items
	dst "ALTER TABLE items ADD CHECK (tenant_id <> 'acme')"
	src "INSERT INTO items SELECT t, 10 * n + i FROM generate_series(1, 5) i,
	    unnest(ARRAY['acme', 'globex']) WITH ORDINALITY u(t, n)"
	job
	ended 0 77
	job
	ended 0 77
	equal 5 "$(dst "SELECT count(*) FROM items")"
	equal 1 "$(dst "SELECT count(*) FROM hr.tenant WHERE state = 'parked'")"
}
