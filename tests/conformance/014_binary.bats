load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

# A column of one type at the source, of another at the target, named by both
# for each of PAIR; with values that fit both.
differing() {
	local i from to value
	SRC_DDL='' DST_DDL='' VALUES=''
	for i in "${!PAIR[@]}"; do
		IFS='>' read -r from to value <<<"${PAIR[i]}"
		SRC_DDL+=", c$i $from"
		DST_DDL+=", c$i $to"
		VALUES+=", $value"
	done
}

@test "numbers, texts and times find their way into another type" {
	PAIR=("smallint>int>-7" "int>bigint>2147483647" "bigint>int>7" "bigint>numeric>9223372036854775807"
	    "int>float8>7" "real>float8>1.5" "float8>numeric>0.25" "numeric(10,2)>numeric(20,4)>12345.67"
	    "numeric>int>42" "int>text>42" "bigint>varchar(10)>42" "text>int>'42'" "text>numeric>'1e10'"
	    "varchar(5)>text>'abc'" "text>varchar(5)>'abc'" "char(5)>text>'abc'" "text>bytea>'abc'"
	    "name>text>'n'" "date>timestamp>'2024-02-29'" "timestamp>date>'2024-02-29 00:00'"
	    "date>text>'2024-02-29'" "time>interval>'04:05:06'" "text>uuid>'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"
	    "uuid>text>'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'" "json>jsonb>'{\"a\": 1}'" "jsonb>text>'{\"a\": 1}'"
	    "text>xml>'<a/>'" "boolean>text>true" "boolean>int>true" "inet>text>'10.0.0.1/8'" "cidr>inet>'10.0.0.0/8'"
	    "int[]>bigint[]>'{1,NULL,3}'" "text[]>text>'{a,b}'" "varbit>text>B'101'" "oid>bigint>4294967295"
	    "text>boolean>'t'" "int>posint>5" "text>mood>'sad'")
	differing
	both "CREATE DOMAIN posint AS int CHECK (VALUE > 0); CREATE TYPE mood AS ENUM ('happy', 'sad')"
	src "CREATE TABLE d (tenant_id text, id int PRIMARY KEY $SRC_DDL)"
	dst "CREATE TABLE d (tenant_id text, id int PRIMARY KEY $DST_DDL)"
	src "INSERT INTO d VALUES ('acme', 1 $VALUES); INSERT INTO d (tenant_id, id) SELECT 'acme', i FROM generate_series(2, 60) i"
	sync --create-slot --snapshot
	local set
	set=$(for i in "${!PAIR[@]}"; do echo "c$i"; done | paste -sd,)
	src "UPDATE d SET ($set) = (SELECT $set FROM d WHERE id = 1) WHERE id BETWEEN 2 AND 10"
	src "UPDATE d SET ($set) = (SELECT $set FROM d WHERE id = 1) WHERE id = 20; UPDATE d SET id = 100 WHERE id = 1"
	src "INSERT INTO d VALUES ('globex', 200 $VALUES)"
	src "INSERT INTO d SELECT 'globex', 200 + i $VALUES FROM generate_series(1, 60) i"
	sync
	equal 72 "$(dst "SELECT count(*) FROM d WHERE c0 IS NOT NULL")"
	src "CREATE TABLE e (LIKE d)"
	dst "CREATE TABLE e (LIKE d)"
	# As the source's own casts would have it.
	local i from to value want=''
	for i in "${!PAIR[@]}"; do
		IFS='>' read -r from to value <<<"${PAIR[i]}"
		want+="$(src "SELECT quote_nullable(c$i::$to::text) FROM d WHERE id = 100" 2>/dev/null ||
		    src "SELECT quote_nullable(c$i::text::$to::text) FROM d WHERE id = 100")"$'\n'
	done
	equal "$want" "$(for i in "${!PAIR[@]}"; do dst "SET datestyle = ISO; SET bytea_output = hex; SET intervalstyle = postgres; SET extra_float_digits = 1;
	    SELECT quote_nullable(c$i::text) FROM d WHERE id = 100"; done)"$'\n'
	equal 0 "$(conflicts)"
}

@test "keys and whole rows of other types still find their row" {
	src "CREATE TABLE k (tenant_id varchar(20), id int PRIMARY KEY, n smallint);
	    CREATE TABLE t (tenant_id text, id text PRIMARY KEY, n int);
	    CREATE TABLE f (tenant_id text, a int, b text, c real); ALTER TABLE f REPLICA IDENTITY FULL"
	dst "CREATE TABLE k (tenant_id text, id bigint PRIMARY KEY, n int);
	    CREATE TABLE t (tenant_id text, id int PRIMARY KEY, n text);
	    CREATE TABLE f (tenant_id varchar(20), a numeric, b varchar(10), c float8)"
	slot
	src "INSERT INTO k SELECT 'acme', i, i FROM generate_series(1, 50) i; INSERT INTO t SELECT 'acme', i, i FROM generate_series(1, 50) i;
	    INSERT INTO f SELECT 'acme', i, 'b' || i, i / 10.0 FROM generate_series(1, 10) i"
	sync
	src "UPDATE k SET n = n + 1 WHERE id > 5; DELETE FROM k WHERE id < 4; UPDATE k SET id = 500 WHERE id = 50;
	    UPDATE t SET n = n + 1 WHERE n > 5; DELETE FROM t WHERE n < 4; UPDATE t SET id = '500' WHERE id = '50';
	    UPDATE f SET b = 'x' WHERE a = 3; DELETE FROM f WHERE a = 4; UPDATE f SET c = 0.7 WHERE a = 5"
	sync
	same_rows k
	same_rows t
	equal "9|1 b1,2 b2,3 x,5 b5,6 b6,7 b7,8 b8,9 b9,10 b10" "$(dst "SELECT count(*), string_agg(a || ' ' || b, ',' ORDER BY a) FROM f")"
	equal 0 "$(conflicts)"
}

@test "a type without a binary form arrives as text" {
	both "CREATE TABLE a (tenant_id text, id int PRIMARY KEY, acl aclitem)"
	slot
	src "INSERT INTO a VALUES ('acme', 1, 'postgres=r/postgres')"
	src "UPDATE a SET acl = '=w/postgres'; INSERT INTO a VALUES ('globex', 2, NULL)"
	src "INSERT INTO a SELECT 'acme', i, '=w/postgres' FROM generate_series(10, 70) i; DELETE FROM a WHERE id > 60"
	sync
	same
	equal "=w/postgres" "$(dst "SELECT acl FROM a WHERE id = 1")"
	equal 0 "$(conflicts)"
}

@test "refused: a first copy of a type without a binary form" {
	both "CREATE TABLE a (tenant_id text, id int PRIMARY KEY, acl aclitem, list aclitem[])"
	src "INSERT INTO a VALUES ('acme', 1, 'postgres=r/postgres', '{postgres=r/postgres,=w/postgres}')"
	job --create-slot --snapshot
	[ "$from" = 78 ]
	one_error hr-capture "'public.a'.*aclitem" from.err
	equal 0 "$(dst "SELECT count(*) FROM a")"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE a (tenant_id, id)"
	sync --create-slot --snapshot
	src "UPDATE a SET id = 2, list = '{}'"
	sync
	equal "acme|2||" "$(dst "SELECT * FROM a")"
	equal 0 "$(conflicts)"
}

@test "refused: a type of the user's where the target has another" {
	src "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE TABLE m (tenant_id text, id int PRIMARY KEY, m mood)"
	dst "CREATE TABLE m (tenant_id text, id int PRIMARY KEY, m int)"
	both "CREATE TABLE n (tenant_id text, id int PRIMARY KEY)"
	slot
	src "INSERT INTO n VALUES ('acme', 1), ('globex', 2); INSERT INTO m VALUES ('acme', 1, 'sad'); INSERT INTO n VALUES ('acme', 3), ('globex', 4)"
	job
	ended 0 77
	equal "acme|column 'm' of 'public.m' has type public.mood at the source and integer at the target" "$(parked)"
	one_error hr-apply "'acme' is parked.*public.mood" to.err
	same_rows n "tenant_id = 'globex'"
	dst "CREATE TYPE mood AS ENUM ('happy', 'so-so', 'sad'); ALTER TABLE m DROP m, ADD m mood"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}

@test "refused: an array or a row type of another kind" {
	both "CREATE TYPE one AS (a int, b int); CREATE TYPE two AS (a int, b int)"
	src "CREATE TABLE r (tenant_id text, id int PRIMARY KEY, o one, l one[])"
	dst "CREATE TABLE r (tenant_id text, id int PRIMARY KEY, o two, l one[])"
	slot
	src "INSERT INTO r VALUES ('acme', 1, '(1,2)', '{\"(1,2)\"}'); UPDATE r SET o = '(3,4)'"
	job
	ended 0 77
	[[ $(parked) == "acme|column 'o'"*public.one*two* ]]
	dst "ALTER TABLE r DROP o, ADD o one"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}

@test "refused: a value that the target's type cannot hold" {
	src "CREATE TABLE v (tenant_id text, id int PRIMARY KEY, n int, t text)"
	dst "CREATE TABLE v (tenant_id text, id int PRIMARY KEY, n smallint, t int)"
	slot
	src "INSERT INTO v VALUES ('acme', 1, 1, '1'), ('globex', 2, 2, '2'), ('initech', 3, 3, '3')"
	src "INSERT INTO v VALUES ('acme', 4, 70000, '4'), ('globex', 5, 5, 'five'); UPDATE v SET n = 6 WHERE tenant_id = 'initech'"
	job
	ended 0 77
	equal "acme smallint out of range,globex invalid input syntax for type integer" \
	    "$(parked | sed -E 's/\|/ /; s/: .*//' | paste -sd,)"
	equal "3|6|3" "$(dst "SELECT * FROM v WHERE tenant_id = 'initech'" | cut -d'|' -f2-)"
	dst "ALTER TABLE v ALTER n TYPE int, ALTER t TYPE text"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}

@test "refused: a row whose text is too long for the target" {
	src "CREATE TABLE v (tenant_id text, id int PRIMARY KEY, t varchar(10))"
	dst "CREATE TABLE v (tenant_id text, id int PRIMARY KEY, t varchar(5))"
	slot
	src "INSERT INTO v VALUES ('globex', 1, 'short'), ('acme', 2, 'too long')"
	src "INSERT INTO v VALUES ('globex', 3, 'tiny')"
	job
	ended 0 77
	[[ $(parked) == "acme|"*"too long"* ]]
	same "tenant_id = 'globex'"
	dst "ALTER TABLE v ALTER t TYPE varchar(10)"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}

@test "types of the same name in another schema are not the same" {
	both "CREATE SCHEMA x; CREATE TYPE x.mood AS ENUM ('a', 'b'); CREATE TYPE mood AS ENUM ('b', 'a')"
	both "CREATE TABLE good (tenant_id text, id int PRIMARY KEY, m x.mood, l x.mood[], r mood)"
	slot
	src "INSERT INTO good VALUES ('acme', 1, 'a', '{a,b}', 'a'), ('acme', 2, 'b', '{}', NULL); UPDATE good SET m = 'b', r = 'b' WHERE id = 1"
	sync
	same
	src "CREATE TABLE bad (tenant_id text, id int PRIMARY KEY, m x.mood); INSERT INTO bad VALUES ('acme', 1, 'a')"
	dst "CREATE TABLE bad (tenant_id text, id int PRIMARY KEY, m mood)"
	job
	ended 0 77
	[[ $(parked) == "acme|"*x.mood*"and public.mood at the target"* ]]
	dst "ALTER TABLE bad ALTER m TYPE x.mood USING m::text::x.mood"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}
