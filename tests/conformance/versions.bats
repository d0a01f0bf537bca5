load ../lib
load ../pipe/pipe
load session

setup() {
	pair
}

teardown() {
	unpair
	pg_psql source postgres -c "ALTER SYSTEM RESET ALL" -c "SELECT FROM pg_reload_conf()"
}

@test "the stream names the version of its source" {
	items
	dump
	equal "$(src "SHOW server_version_num")" "$(jq 'select(.frame == "head").server_version' dump)"
	[[ $(src "SHOW server_version_num") == "$(pg_version source)"* ]]
	[[ $(dst "SHOW server_version_num") == "$(pg_version target)"* ]]
}

@test "the source is asked for the highest version of its protocol, and to filter origins (16)" {
	local want="proto_version '3'" asked
	items
	! at_least source 16 || want="proto_version '4'"
	"${FROM[@]}" "${TENANCY[@]}" --origin none 2>from.err 3>&- > >(exec "${TO[@]}" 2>to.err 3>&-) &
	echo $! >from.pid
	src "UPDATE items SET n = 7"
	wait_for 10 same
	asked=$(src "SELECT query FROM pg_stat_activity WHERE backend_type = 'walsender'")
	[[ $asked == START_REPLICATION*"$want"* ]]
	if at_least source 16; then
		[[ $asked == *"origin 'none'"* ]]
	else
		[[ $asked != *origin* ]]
	fi
	kill "$(cat from.pid)"
	wait "$(cat from.pid)"
	equal 0 "$(conflicts)"
}

@test "a slot that is kept for standbys (17) is followed like any other" {
	items
	src "SELECT pg_drop_replication_slot('$SLOT')" >/dev/null
	if at_least source 17; then
		src "SELECT FROM pg_create_logical_replication_slot('$SLOT', 'pgoutput', failover => true)"
	else
		run -3 --separate-stderr src "SELECT FROM pg_create_logical_replication_slot('$SLOT', 'pgoutput', failover => true)"
		[[ $stderr == *"does not exist"* ]]
		slot
	fi
	src "UPDATE items SET n = 7"
	sync
	src "UPDATE items SET n = 8 WHERE id = 1"
	sync
	same
	! at_least source 17 || equal t "$(src "SELECT failover FROM pg_replication_slots WHERE slot_name = '$SLOT'")"
	equal 0 "$(conflicts)"
}

@test "refused: a slot that nobody followed for longer than the source allows (18)" {
	items
	if ! at_least source 18; then
		run -3 --separate-stderr src "ALTER SYSTEM SET idle_replication_slot_timeout = '1s'"
		[[ $stderr == *"unrecognized configuration parameter"* ]]
		sleep 1
		src "CHECKPOINT; UPDATE items SET n = 7"
		sync
		same
		return
	fi
	src "ALTER SYSTEM SET idle_replication_slot_timeout = '1s'"
	src "SELECT FROM pg_reload_conf()"
	sleep 2
	src "CHECKPOINT; UPDATE items SET n = 7"
	job
	ended 78 65
	one_error hr-capture "'$SLOT' was invalidated: idle_timeout; .*idle_replication_slot_timeout" from.err
}

@test "a unique column that need not be NULL only from now on (18) is no key" {
	both "CREATE TABLE k (tenant_id text, k int UNIQUE, t text)"
	both "ALTER TABLE k REPLICA IDENTITY FULL"
	both "INSERT INTO k VALUES ('acme', NULL, 'a'), ('acme', NULL, 'b'), ('acme', 1, 'c')"
	! at_least target 18 || dst "ALTER TABLE k ADD CONSTRAINT n NOT NULL k NOT VALID"
	slot
	src "DELETE FROM k WHERE t = 'a'; UPDATE k SET k = 2 WHERE t = 'b'; UPDATE k SET t = 'd' WHERE k = 1"
	sync
	same
	equal 0 "$(conflicts)"
}

# published PUBLICATION: hr-capture's list is the source's own.
published() {
	equal "$(src "SELECT format('%s.%s', schemaname, tablename) FROM pg_publication_tables WHERE pubname = '$1'" | sort)" \
	    "$(hr-capture -d "$SRC" -P "$1" --tenant-database acme --check | cut -d : -f 1 | sort)" "$1"
}

@test "the tables that are published are those the source names" {
	src "CREATE SCHEMA one; CREATE SCHEMA two; CREATE TABLE one.a (id int PRIMARY KEY); CREATE TABLE two.b (id int PRIMARY KEY);
	    CREATE UNLOGGED TABLE one.u (id int PRIMARY KEY); CREATE VIEW one.v AS SELECT 1; CREATE TABLE one.c (id int PRIMARY KEY) INHERITS (one.a);
	    CREATE TABLE one.root (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
	    CREATE TABLE two.middle PARTITION OF one.root FOR VALUES IN (1, 2) PARTITION BY LIST (k);
	    CREATE TABLE one.leaf1 PARTITION OF two.middle FOR VALUES IN (1); CREATE TABLE two.leaf2 PARTITION OF two.middle FOR VALUES IN (2);
	    CREATE TABLE leaf3 PARTITION OF one.root FOR VALUES IN (3)"
	src "CREATE PUBLICATION hr_root FOR ALL TABLES WITH (publish_via_partition_root)"
	for what in "TABLE one.root" "TABLE two.middle, leaf3" "TABLE one.root, two.middle, one.leaf1" "TABLE one.a" "TABLE ONLY one.a" \
	    "TABLES IN SCHEMA one" "TABLES IN SCHEMA two" "TABLES IN SCHEMA one, TABLE two.b, two.leaf2"; do
		src "CREATE PUBLICATION w FOR $what"
		src "CREATE PUBLICATION x FOR $what WITH (publish_via_partition_root)"
		published w
		published x
		src "DROP PUBLICATION w, x"
	done
	published hr
	published hr_root
}

@test "a published table that is locked keeps nobody waiting" {
	items
	both "CREATE TABLE other (tenant_id text, id bigserial PRIMARY KEY)"
	session locks
	in_session locks "BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE; ALTER TABLE items ADD c int"
	src "INSERT INTO other (tenant_id) VALUES ('acme'), ('globex')"
	sync
	same_table "$SRC" "$DST" other
	hr-capture -d "$SRC" -P hr "${TENANCY[@]}" --check >check
	in_session locks "ROLLBACK"
	src "UPDATE items SET n = 7"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a limit on the time of transactions (17), or of statements, is not the tools'" {
	local limit=statement_timeout
	! at_least target 17 || limit=transaction_timeout
	items
	dst "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM pg_sleep(2); RETURN NEW; END \$\$;
	    CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION slow(); ALTER TABLE items ENABLE ALWAYS TRIGGER t"
	dst "ALTER DATABASE ${SLOT#hr_} SET $limit = '1s'"
	src "INSERT INTO items VALUES ('acme', 101)"
	sync
	dst "ALTER DATABASE ${SLOT#hr_} RESET $limit"
	same
	equal 0 "$(conflicts)"
}
