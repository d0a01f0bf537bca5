load ../lib
load pipe
load load

# The first copy: cut at any point it goes on with the parts that are not in.

setup() {
	pair
	CAPTURE=(--create-slot --snapshot --part-size 64kB -v)
	APPLY=(-v)
	# In parts, by key: with large values, and rows that move when they change.
	both "CREATE TABLE big (tenant_id text, id int PRIMARY KEY, n int NOT NULL, t text, toast text)"
	both "ALTER TABLE big ALTER toast SET STORAGE EXTERNAL, ALTER tenant_id SET NOT NULL"
	both "CREATE UNIQUE INDEX big_key ON big (tenant_id, id)"
	both "ALTER TABLE big REPLICA IDENTITY USING INDEX big_key"
	src "INSERT INTO big SELECT 't' || i % 3, i, 0, repeat('x', 60), CASE WHEN i % 500 = 0 THEN repeat(i::text, 2000) END
	    FROM generate_series(1, 6000) i"
	# In parts, without a key.
	both "CREATE TABLE twins (tenant_id text, t text)"
	both "ALTER TABLE twins REPLICA IDENTITY FULL"
	src "INSERT INTO twins SELECT 't' || i % 3, repeat('y', 80) FROM generate_series(1, 3000) i"
	# In one.
	both "CREATE TABLE small (tenant_id text, id int, PRIMARY KEY (tenant_id, id))"
	src "INSERT INTO small SELECT 't' || i % 3, i FROM generate_series(1, 30) i"
	# Of all tenants.
	both "CREATE TABLE shared (id int PRIMARY KEY, t text)"
	src "INSERT INTO shared SELECT i, repeat('z', 80) FROM generate_series(1, 2000) i"
	config <<-YAML
	tenancy: {column: tenant_id}
	tables: {public.shared: {tenancy: shared}}
	YAML
}

teardown() {
	touch "$BATS_TEST_TMPDIR/stop_load" "$BATS_TEST_TMPDIR/stop_flow"
	unpair
}

# Pass frames on until so many parts have ended and their watermark has come,
# and so many frames more; wait for the target to have that, and cut.
cut_frames() {
	perl -e '
	my ($parts, $more) = @ARGV;
	sub get { my ($n, $b) = (shift, ""); while (length $b < $n) { sysread(STDIN, $b, $n - length $b, length $b) or exit } $b }
	sub put { my $b = shift; while (length $b) { my $n = syswrite(STDOUT, $b) or exit; $b = substr $b, $n } }
	put(get(8));
	while (1) {
		my $h = get(28);
		my ($type, $flags, $tenant, $len) = unpack "aCvV", $h;
		my $body = get($tenant + $len);
		put($h . $body);
		$parts-- if $type eq "P" && ord substr $body, 4;
		exit if $parts <= 0 && $type ne "P" && $more-- <= 0;
	}' "$@"
}

# The pipeline, and its stream is cut there.
cut_after() {
	"${FROM[@]}" "${TENANCY[@]}" --endpos now "${CAPTURE[@]}" 2>>cut.from.err |
	    cut_frames "$@" | "${TO[@]}" "${APPLY[@]}" 2>>cut.to.err || true
}

# Changes of all kinds, so that rows move between pages.
churn() {
	src "UPDATE big SET n = n + 1 WHERE id % 7 = $1 % 7"
	src "UPDATE big SET id = id + 100000, n = n + 1 WHERE id % 101 = $1"
	src "DELETE FROM big WHERE id % 13 = $1 % 13"
	src "INSERT INTO big SELECT 't' || i % 3, 10000 * $1 + i, 0, 'new', repeat(i::text, 1500)
	    FROM generate_series(7000, 7010) i ON CONFLICT DO NOTHING"
	src "UPDATE big SET toast = repeat('w' || $1, 1500) WHERE id % 500 = 0 AND id % 3 = $1 % 3"
	src "UPDATE big SET n = n + 1 WHERE id % 500 = 0"
	src "DELETE FROM twins WHERE ctid IN (SELECT ctid FROM twins LIMIT 7)"
	src "UPDATE twins SET t = 'changed' WHERE ctid IN (SELECT ctid FROM twins ORDER BY ctid DESC LIMIT 5)"
	src "INSERT INTO twins VALUES ('t1', 'twin'), ('t1', 'twin')"
	src "UPDATE small SET id = id + 1000 WHERE id % 5 = $1 % 5"
	src "UPDATE shared SET t = 'changed' || $1 WHERE id % 11 = $1 % 11"
	src "DELETE FROM shared WHERE id % 17 = $1 % 17"
	src "VACUUM big, twins, shared"
}

# The parts that are in, as the last capture was told.
resumed() {
	sed -n 's/.*resuming the first copy: \([0-9]*\) of \([0-9]*\) parts are in.*/\1/p' "$1" | tail -n 1
}

@test "a first copy that is cut anywhere goes on and ends equal" {
	local i=0 at

	# Before the first part, within the copy, while it catches up, again.
	for at in "0 3" "4 1" "0 4" "3 2" "0 9" "5 1"; do
		cut_after $at
		i=$((i + 1))
		churn $i
	done
	sync
	same
	equal 0 "$(conflicts)"
	[ "$(resumed from.err)" -gt 5 ] || fail "it began anew" "$(cat cut.from.err from.err)"
	equal 0 "$(dst "SELECT count(*) FROM hr.part")"
	churn 50
	sync
	same
	equal 0 "$(conflicts)"
}

@test "with several workers, and tables that were truncated, rewritten, made and dropped meanwhile" {
	APPLY+=(-j 3)
	both "CREATE TABLE gone (tenant_id text, id int, PRIMARY KEY (tenant_id, id))"
	both "CREATE TABLE cleared (tenant_id text, id int, t text, PRIMARY KEY (tenant_id, id))"
	src "INSERT INTO gone SELECT 't' || i % 3, i FROM generate_series(1, 30) i"
	src "INSERT INTO cleared SELECT 't' || i % 3, i, repeat('c', 90) FROM generate_series(1, 9000) i"
	cut_after 12 1
	src "VACUUM FULL big"
	churn 3
	src "TRUNCATE cleared"
	src "INSERT INTO cleared SELECT 't' || i % 3, i, repeat('d', 90) FROM generate_series(1, 100) i"
	src "TRUNCATE small"
	both "CREATE TABLE made (tenant_id text, id int, PRIMARY KEY (tenant_id, id))"
	src "INSERT INTO made SELECT 't' || i % 3, i FROM generate_series(1, 30) i"
	both "DROP TABLE gone"
	cut_after 2 1
	src "INSERT INTO made VALUES ('t1', 100)"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "partitions of a table that is published as one are parts" {
	src "DROP PUBLICATION hr"
	src "CREATE PUBLICATION hr FOR ALL TABLES WITH (publish_via_partition_root = true)"
	both "CREATE TABLE whole (tenant_id text, id int, t text, PRIMARY KEY (tenant_id, id)) PARTITION BY RANGE (id)"
	both "CREATE TABLE whole_a PARTITION OF whole FOR VALUES FROM (0) TO (4000)"
	both "CREATE TABLE whole_b PARTITION OF whole FOR VALUES FROM (4000) TO (100000)"
	src "INSERT INTO whole SELECT 't' || i % 3, i, repeat('p', 80) FROM generate_series(1, 8000) i"
	cut_after 9 1
	src "UPDATE whole SET id = id + 4000 WHERE id BETWEEN 3000 AND 3500 AND id % 2 = 0 AND id + 4000 > 8000"
	src "UPDATE whole SET id = 20000 + id, t = 'moved' WHERE id % 50 = 0"
	src "DELETE FROM whole WHERE id % 9 = 0"
	sync
	same
	equal 0 "$(conflicts)"
	[ "$(resumed from.err)" -gt 5 ] || fail "it began anew" "$(cat from.err)"
}

@test "a checkpoint that is gone, old or of another target is no harm" {
	cut_after 4 1
	cp "$F" old
	cut_after 6 1
	churn 1
	cp old "$F"
	cut_after 2 1
	churn 2
	rm "$F"
	sync
	same
	equal 0 "$(conflicts)"
	# It is complete, and nothing says so.
	churn 3
	rm "$F"
	sync
	same
	equal 0 "$(conflicts)"
	# A new target under the old file.
	src "SELECT pg_drop_replication_slot('$SLOT')"
	dst "DROP SCHEMA hr CASCADE; TRUNCATE big, twins, small, shared"
	cut_after 6 1
	dst "DROP SCHEMA hr CASCADE; TRUNCATE big, twins, small, shared"
	job
	[ "$to" = 77 ] || ended 0 0
	[ "$to" = 0 ] || { grep -q 'remove the checkpoint' to.err; rm -f "$F"; sync; }
	same
}

@test "whatever is killed during a first copy, it ends equal" {
	local i

	APPLY+=(-j 2)
	load_tables
	src "SELECT pg_drop_replication_slot('$SLOT')"
	dst "TRUNCATE items, bulk, moving, log, balance"
	src "INSERT INTO bulk SELECT 't' || i % 6, -i, repeat('old', 20) FROM generate_series(1, 60000) i"
	load_start
	flow_start
	for i in 1 2 3 4 5 6 7 8; do
		sleep "0.$((RANDOM % 9))"
		[ -s to.pid ] && blow
		grep -q '^state streaming' "$F" 2>/dev/null && break
	done
	sleep 1
	load_stop
	flow_stop
	story >story.txt
	sync || { cat story.txt; return 1; }
	same || { cat story.txt; return 1; }
	equal 0 "$(conflicts)"
	equal 2000 "$(dst "SELECT DISTINCT a + b FROM balance")"
}

@test "a snapshot whose session ends before it is taken up is no end" {
	# Every session begins a second late: time to end the first between making the slot and the copy.
	PGOPTIONS="-c post_auth_delay=1" "${FROM[@]}" "${TENANCY[@]}" --endpos now "${CAPTURE[@]}" -j 1 \
	    >out.hrs 2>from.err &
	echo $! >from.pid
	wait_for 20 grep -q 'made replication slot' from.err
	src "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender'
	    AND application_name = 'hr-capture'" >/dev/null
	from=0
	wait "$(cat from.pid)" || from=$?
	equal 75 "$from"
	one_error hr-capture "the snapshot of the copy is gone: the session that exported it has ended; start again" from.err
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a table that is rewritten behind the snapshot and before it is read is not taken for empty" {
	# One connection, which is held at the large table while the small one is rewritten.
	src "INSERT INTO big SELECT 't0', i, 0, md5(i::text), repeat(md5(i::text), 100) FROM generate_series(10001, 12000) i"
	mkfifo held
	"${FROM[@]}" "${TENANCY[@]}" --endpos now "${CAPTURE[@]}" -j 1 >held 2>from.err &
	echo $! >from.pid
	exec 9<held
	wait_for 10 grep -q 'made replication slot' from.err
	sleep 0.5
	src "ALTER TABLE small ALTER id TYPE bigint"
	cat <&9 >out.hrs || true
	exec 9<&-
	from=0
	wait "$(cat from.pid)" || from=$?
	equal 75 "$from"
	one_error hr-capture "table 'public.small' was truncated or rewritten after the snapshot of its copy; start again" from.err
	dst "ALTER TABLE small ALTER id TYPE bigint"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "tables side by side in one connection, a row larger than what is sent together, and one that is refused" {
	CAPTURE=(--create-slot --snapshot -j 3)	# parts are larger than what is gathered before a COPY begins
	src "INSERT INTO big SELECT 't' || i % 3, i, 0, md5(i::text), CASE i WHEN 19000 THEN repeat(md5('r'), 100000) END
	    FROM generate_series(10001, 30000) i"
	src "INSERT INTO twins SELECT 't' || i % 3, md5(i::text) FROM generate_series(1, 20000) i"
	src "UPDATE big SET n = 77 WHERE id = 25000"	# t1's, far behind where its COPY began
	dst "ALTER TABLE big ADD CONSTRAINT not77 CHECK (n <> 77)"
	job
	ended 0 77
	[[ $(dst "SELECT string_agg(tenant || reason, ', ') FROM hr.tenant WHERE state = 'parked'") == t1*not77* ]]
	same_rows big "tenant_id <> 't1'"
	same_rows twins "tenant_id <> 't1'"
	dst "ALTER TABLE big DROP CONSTRAINT not77"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	src "DELETE FROM twins WHERE tenant_id = 't2'"
	sync
	same
	equal 0 "$(conflicts)"
}

has_bytes() {
	[ "$(wc -c <"$1")" -ge "$2" ]
}

# Has somebody a lock of the table (t), or waits for it (f)?
locked() {
	equal t "$(dst "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'big'::regclass AND granted = '$1')")"
}

@test "hr-apply ends at a SIGTERM while its workers wait for a lock, and goes on with all rows" {
	APPLY=(-j 2)
	src "INSERT INTO big SELECT 't' || i % 3, i, 0, repeat(md5(i::text), 10) FROM generate_series(10001, 40000) i"
	mkfifo sql
	psql -Xq -d "$DST" <sql >/dev/null &
	echo $! >session.pid
	exec 9>sql
	echo "BEGIN; LOCK TABLE big IN EXCLUSIVE MODE;" >&9
	wait_for 10 locked t
	"${FROM[@]}" "${TENANCY[@]}" --endpos now "${CAPTURE[@]}" 2>from.err >all.hrs || true &
	echo $! >from.pid
	wait_for 20 has_bytes all.hrs 10000000
	"${TO[@]}" "${APPLY[@]}" <all.hrs 2>to.err &
	echo $! >to.pid
	wait_for 20 locked f
	sleep 0.5
	kill -TERM "$(cat to.pid)"
	sleep 0.5
	echo "COMMIT;" >&9
	to=0
	timeout 20 tail --pid="$(cat to.pid)" -f /dev/null || fail "it does not end" "$(cat to.err)"
	wait "$(cat to.pid)" || to=$?
	exec 9>&-
	equal 0 "$to" "$(cat to.err)"
	kill "$(cat from.pid)" || true
	wait "$(cat from.pid)" || true
	sync
	same
	equal 0 "$(conflicts)"
}
