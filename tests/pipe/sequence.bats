load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

seqs() {
	both "CREATE TABLE t (tenant_id text, id int GENERATED ALWAYS AS IDENTITY, s serial, PRIMARY KEY (id))"
	both "CREATE SEQUENCE alone INCREMENT -5 MINVALUE -1000; CREATE SEQUENCE \"Odd.\"\"Name\" START 7"
	both "CREATE SEQUENCE unused START 42"
	slot
}

values() {
	local name

	for name in t_id_seq t_s_seq alone '"Odd.""Name"' unused; do
		pg_sql "$1" -c "SELECT last_value, is_called FROM $name" | tr '\n' ' '
	done
}

@test "sequences are kept, and set at the end when that is asked for" {
	seqs
	src "INSERT INTO t (tenant_id) SELECT 'acme' FROM generate_series(1, 10)"
	src "SELECT nextval('alone'), nextval('alone'), nextval('\"Odd.\"\"Name\"')" >/dev/null
	sync
	equal "1|f 1|f -1|f 7|f 42|f " "$(values "$DST")"
	equal "alone|-6|t Odd.\"Name|7|t t_id_seq|10|t t_s_seq|10|t unused|42|f" "$(dst "SELECT string_agg(
	    concat_ws('|', name, last_value, is_called), ' ' ORDER BY name COLLATE \"en-x-icu\") FROM hr.sequence")"
	APPLY=(--sequences at-end)
	sync
	equal "10|t 10|t -6|t 7|t 42|f " "$(values "$DST")"
	equal "$(values "$SRC")" "$(values "$DST")"
	dst "INSERT INTO t (tenant_id) VALUES ('acme')"
	equal 11 "$(dst "SELECT max(id) FROM t")"
}

@test "sequences follow while changes flow, also when they are set back" {
	seqs
	src "INSERT INTO t (tenant_id) SELECT 'acme' FROM generate_series(1, 10)"
	"${FROM[@]}" "${TENANCY[@]}" 2>from.err > >("${TO[@]}" --sequences follow 2>to.err) &
	echo $! >from.pid
	follows() {
		[ "$(values "$SRC")" = "$(values "$DST")" ]
	}
	wait_for 5 follows
	src "INSERT INTO t (tenant_id) SELECT 'acme' FROM generate_series(1, 7)"
	src "SELECT nextval('alone')" >/dev/null
	src "TRUNCATE t RESTART IDENTITY; SELECT setval('unused', 99, false)" >/dev/null
	src "INSERT INTO t (tenant_id) VALUES ('acme')"
	wait_for 5 follows
	equal "1|t 1|t -1|t 7|f 99|f " "$(values "$DST")"
	kill "$(cat from.pid)"
	wait "$(cat from.pid)" || true
	rm from.pid
	same
}

@test "a sequence that the target lacks is said, and lets at-end fail with all else in" {
	seqs
	dst "DROP SEQUENCE unused"
	src "INSERT INTO t (tenant_id) SELECT 'acme' FROM generate_series(1, 10)"
	APPLY=(--sequences follow)
	sync
	grep -q "warning: sequence 'public.unused' cannot be set: relation \"public.unused\" does not exist" to.err
	APPLY=(--sequences at-end)
	src "INSERT INTO t (tenant_id) VALUES ('acme')"
	job
	ended 0 78
	one_error hr-apply "1 sequence could not be set, the first is 'public.unused': .*; make it at the target" to.err
	same
	equal 11 "$(dst "SELECT last_value FROM t_id_seq")"
	dst "CREATE SEQUENCE unused"
	sync
	equal "$(values "$SRC")" "$(values "$DST")"
}

@test "a sequence goes to the tenant of its schema, and none of a table left out" {
	both "CREATE SCHEMA t_acme; CREATE TABLE t_acme.a (id serial PRIMARY KEY)"
	both "CREATE SCHEMA t_globex; CREATE TABLE t_globex.a (id serial PRIMARY KEY)"
	both "CREATE TABLE public.out (id serial PRIMARY KEY)"
	config <<-'YAML'
	tenancy: {schema: "t_(.*)"}
	tables: {public.out: {tenancy: none}}
	YAML
	slot
	src "INSERT INTO t_acme.a DEFAULT VALUES; INSERT INTO t_globex.a DEFAULT VALUES; INSERT INTO public.out DEFAULT VALUES"
	record all.hrs
	equal '{"tenant":"acme","name":"a_id_seq"} {"tenant":"globex","name":"a_id_seq"}' "$(hr-transform --dump <all.hrs |
	    jq -c 'select(.frame == "sequence") | {tenant, name}' | sort | xargs -d '\n')"
	record one.hrs --tenant acme
	equal acme "$(hr-transform --dump <one.hrs | jq -r 'select(.frame == "sequence") | .tenant')"
}

@test "a sequence that may not be read is a warning" {
	seqs
	src "DROP ROLE IF EXISTS hr_reader; CREATE ROLE hr_reader LOGIN REPLICATION; GRANT SELECT ON t TO hr_reader"
	src "INSERT INTO t (tenant_id) VALUES ('acme')"
	FROM=(hr-capture -d "$SRC user=hr_reader" -S "$SLOT" -P hr --checkpoint "$F")
	sync
	grep -q "warning: sequence 'public.t_id_seq' cannot be read and is left out; GRANT SELECT on it to this role" from.err
	same
}
