load ../lib
load ../pipe/pipe

setup() {
	pair
	# The types that follow have other numbers at the target.
	dst "CREATE TYPE other1 AS (a int); CREATE TYPE other2 AS ENUM ('x'); CREATE DOMAIN other3 AS text"
}

teardown() {
	unpair
}

# kinds TYPE VALUE1 VALUE2 [TYPE ...]: a table with a column of each type, and
# one of full identity.  Rows are inserted, changed to the other value, to NULL
# and back, moved and deleted, one by one and all at once.
kinds() {
	local ddl= one= two= nulls= set1= set2= n=0 t
	local types="SELECT oid, typname FROM pg_type WHERE oid >= 16384 ORDER BY 2"

	while [ $# -gt 0 ]; do
		n=$((n + 1))
		ddl+=", c$n $1"
		one+=", $2"
		two+=", $3"
		nulls+=", NULL"
		set1+="${set1:+, }c$n = $2"
		set2+="${set2:+, }c$n = $3"
		shift 3
	done
	both "CREATE TABLE keyed (tenant_id text, id int PRIMARY KEY$ddl);
	    CREATE TABLE whole (tenant_id text, id int$ddl); ALTER TABLE whole REPLICA IDENTITY FULL"
	[ "$(pg_sql "$SRC" -c "$types")" != "$(pg_sql "$DST" -c "$types")" ]
	src "INSERT INTO keyed VALUES ('acme', 1$one), ('acme', 2$two), ('globex', 3$nulls);
	    INSERT INTO whole SELECT * FROM keyed"
	sync --create-slot --snapshot
	same
	src "INSERT INTO keyed VALUES ('acme', 11$one), ('acme', 12$two), ('globex', 13$nulls),
		('acme', 14$one), ('acme', 15$two), ('globex', 16$nulls);
	    INSERT INTO whole SELECT * FROM keyed WHERE id > 10;
	    INSERT INTO whole SELECT * FROM keyed WHERE id > 14;
	    DELETE FROM whole WHERE ctid = (SELECT max(ctid) FROM whole WHERE id = 15);
	    $(for t in keyed whole; do
		echo "UPDATE $t SET $set2 WHERE id IN (1, 3, 11); UPDATE $t SET $set1 WHERE id IN (2, 13);
		    UPDATE $t SET id = id + 100 WHERE id IN (14, 15); UPDATE $t SET c1 = NULL WHERE id = 12;
		    DELETE FROM $t WHERE id IN (11, 16);"
	    done)"
	sync --create-slot --snapshot
	same
	equal "7|7" "$(dst "SELECT (SELECT count(*) FROM keyed), (SELECT count(*) FROM whole)")"
	equal 0 "$(conflicts)"
}

@test "numbers, truth, text, bytes and uuids" {
	kinds boolean true false smallint 1 -32768 bigint 1 9223372036854775807 \
	    real 0.1 "'Infinity'" float8 1e-300 "'NaN'" numeric 1e-100 "'NaN'" "numeric(12,3)" 1.5 -7 money 1.25 -3 \
	    text "E'tab\\\\t \\\\n \\\\\\\\ \"'" "''" "char(4)" "'a'" "'b   '" "varchar(9)" "'x '" "'\\N'" \
	    '"char"' "'a'" "'b'" name "'n'" "'m'" bytea "'\\x00ff5c'" "''" uuid "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'" \
	    "'00000000-0000-0000-0000-000000000000'" "bit(3)" "B'101'" "B'000'" varbit "B'1'" "B''" oid 4294967295 1
}

@test "dates and times" {
	kinds date "'4713-01-01 BC'" "'infinity'" time "'24:00'" "'00:00:00.000001'" \
	    timetz "'12:00+05:30'" "'23:59:59.999999-15'" timestamp "'-infinity'" "'294276-12-31 23:59:59.999999'" \
	    timestamptz "'2024-02-29 12:00:00.123456+03'" "'0044-03-15 BC'" "timestamp(0)" "'2020-01-01 00:00:01'" "now()" \
	    interval "'1 year -2 mons 3 days -04:05:06.000007'" "'-178000000 years'" "interval day" "'3 days'" "'4 days'"
}

@test "arrays" {
	kinds "int[]" "'{1,2,3}'" "'{{1,2},{3,NULL}}'" "text[]" "'{}'" "'{a,\"b,c\",NULL,\"NULL\",\"\"}'" \
	    "int[]" "'[0:1]={7,8}'" "'[-2:-1][5:5]={{1},{2}}'" "numeric(9,2)[]" "'{1.5,NaN}'" "'{NULL}'" \
	    "timestamptz[]" "ARRAY['2020-01-01 UTC'::timestamptz]" "'{infinity}'" "bytea[]" "ARRAY['\\x00'::bytea]" "'{}'" \
	    "jsonb[]" "ARRAY['{\"a\":1}'::jsonb, NULL]" "ARRAY['[]'::jsonb]" "uuid[]" "ARRAY[gen_random_uuid()]" "'{}'" \
	    "varchar(3)[]" "'{a,bb,ccc}'" "'{NULL,a}'" "int4range[]" "ARRAY['[1,5)'::int4range,'empty']" "'{}'"
}

@test "enums and arrays of them" {
	src "CREATE TYPE first AS ENUM ('a', 'b', 'c'); CREATE TYPE second AS ENUM ('x', 'a b', 'Ünï', '')"
	dst "CREATE TYPE second AS ENUM ('', 'Ünï', 'a b', 'x'); CREATE TYPE first AS ENUM ('c', 'a', 'b')"
	kinds first "'a'" "'c'" second "''" "'Ünï'" "first[]" "'{a,NULL,c}'" "'{}'" \
	    "second[]" "'{\"a b\",\"\"}'" "'{{x},{x}}'"
}

@test "composites, composites in composites, arrays of them" {
	src "CREATE TYPE pair AS (a int, b text); CREATE TYPE box2 AS (p pair, q numeric)"
	dst "CREATE TYPE decoy AS (z int); CREATE TYPE pair AS (a int, b text); CREATE TYPE box2 AS (p pair, q numeric)"
	kinds pair "ROW(1,'a b')" "ROW(NULL,'')" "pair[]" "ARRAY[ROW(1,'x')::pair,NULL]" "ARRAY[ROW(2,'\",()')::pair]" \
	    box2 "ROW(ROW(1,'a')::pair,1.50)" "ROW(NULL,2)" "box2[]" "ARRAY[ROW(ROW(1,'a')::pair,1)::box2]" "'{}'"
}

@test "composites of enums, arrays, domains and ranges" {
	src "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN posint AS int CHECK (VALUE > 0)"
	dst "CREATE DOMAIN posint AS int CHECK (VALUE > 0); CREATE TYPE mood AS ENUM ('glad', 'sad')"
	both "CREATE TYPE rich AS (m mood, ms mood[], p posint, ps posint[], r int4range, t text[])"
	kinds rich "ROW('sad','{sad,glad}',1,'{1,2}','[1,2)','{a}')" "ROW('glad',NULL,NULL,NULL,'empty','{}')" \
	    "rich[]" "ARRAY[ROW('sad',NULL,7,'{1}',NULL,NULL)::rich]" "ARRAY[NULL::rich]"
}

@test "domains over anything, with functions in their constraints" {
	src "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (a int, b text)"
	dst "CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('sad', 'glad')"
	both "CREATE FUNCTION fine(int) RETURNS bool LANGUAGE plpgsql AS
		\$\$ BEGIN RETURN \$1 > 0 AND (SELECT count(*) FROM pg_catalog.pg_class) > 0; END \$\$;
	    CREATE FUNCTION short(text) RETURNS bool LANGUAGE sql AS 'SELECT length(\$1) < 50';
	    CREATE DOMAIN checked AS int CHECK (fine(VALUE));
	    CREATE DOMAIN twice AS checked CHECK (VALUE < 1000);
	    CREATE DOMAIN brief AS varchar(60) CHECK (short(VALUE::text));
	    CREATE DOMAIN moods AS mood[]; CREATE DOMAIN ints AS int[] CHECK (array_length(VALUE, 1) < 9);
	    CREATE DOMAIN couple AS pair CHECK (VALUE IS NULL OR (VALUE).a > 0);
	    CREATE DOMAIN doc AS jsonb CHECK (jsonb_typeof(VALUE) = 'object')"
	kinds checked 1 2 twice 5 999 brief "'x'" "''" moods "'{sad,glad}'" "'{}'" \
	    ints "'{1,2}'" "'{NULL}'" couple "ROW(1,'x')" "ROW(2,NULL)" doc "'{\"a\":1}'" "'{}'" \
	    "checked[]" "'{1,2}'" "'{}'" "brief[]" "'{a,b}'" "'{NULL}'" \
	    "ints[]" "'{\"{1,2}\",\"{3}\"}'" "'{}'"
}

@test "keys of domains over enums, composites and ranges" {
	src "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (a int, b text)"
	dst "CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('sad', 'glad')"
	both "CREATE DOMAIN moody AS mood; CREATE DOMAIN couple AS pair; CREATE DOMAIN span AS int4range;
	    CREATE TABLE k (tenant_id text, m moody PRIMARY KEY, n int);
	    CREATE TABLE l (tenant_id text, c couple PRIMARY KEY, n int);
	    CREATE TABLE r (tenant_id text, s span PRIMARY KEY, n int)"
	slot
	src "INSERT INTO k VALUES ('acme', 'sad', 1), ('acme', 'glad', 1); UPDATE k SET n = 2; DELETE FROM k WHERE m::mood = 'sad';
	    INSERT INTO l VALUES ('acme', ROW(1,'x'), 1), ('acme', ROW(2,'x'), 1); UPDATE l SET n = 2; DELETE FROM l WHERE (c).a = 1;
	    INSERT INTO r VALUES ('acme', '[1,2)', 1), ('acme', 'empty', 1); UPDATE r SET n = 2; DELETE FROM r WHERE isempty(s)"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "domains over enums, composites and ranges in a full identity" {
	src "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (a int, b text)"
	dst "CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('sad', 'glad')"
	both "CREATE DOMAIN moody AS mood; CREATE DOMAIN couple AS pair; CREATE DOMAIN span AS int4range"
	kinds moody "'sad'" "'glad'" couple "ROW(1,'x')" "ROW(2,NULL)" span "'[1,2)'" "'empty'" "moody[]" "'{sad}'" "'{NULL,glad}'"
}

@test "ranges and multiranges, of own subtypes too" {
	src "CREATE TYPE mood AS ENUM ('sad', 'so-so', 'glad'); CREATE TYPE span AS RANGE (subtype = float8)"
	dst "CREATE TYPE span AS RANGE (subtype = float8); CREATE TYPE mood AS ENUM ('sad', 'so-so', 'glad')"
	both "CREATE TYPE moods AS RANGE (subtype = mood); CREATE TYPE words AS RANGE (subtype = text, collation = \"C\")"
	kinds int4range "'[1,10)'" "'empty'" numrange "'(,1.50]'" "'(,)'" tstzrange "'[2020-01-01 UTC,)'" "'empty'" \
	    daterange "'[2020-01-01,infinity)'" "'empty'" span "'[1.5,2.5]'" "'(-inf,nan)'" moods "'[sad,glad)'" "'empty'" \
	    words "'[a,\"b c\"]'" "'(,\"\"]'" int8multirange "'{[1,2),[5,9)}'" "'{}'" nummultirange "'{(,1),(2,)}'" "'{}'" \
	    span_multirange "'{[1,2],(3,4)}'" "'{}'" moods_multirange "'{[sad,so-so]}'" "'{}'" \
	    "span[]" "ARRAY['[1,2]'::span]" "'{}'" "moods[]" "ARRAY['[sad,glad]'::moods,NULL]" "'{}'"
}

@test "hstore, citext and ltree, in schemas of their own" {
	both "CREATE SCHEMA ext"
	src "CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION ltree"
	dst "CREATE EXTENSION ltree; CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION citext SCHEMA ext"
	both "CREATE DOMAIN email AS ext.citext; CREATE TYPE tagged AS (tags ext.hstore, name ext.citext)"
	kinds ext.hstore "'a=>1, \"b c\"=>NULL'" "''" "ext.hstore[]" "ARRAY['a=>1'::ext.hstore]" "'{}'" \
	    ext.citext "'MiXed'" "'mixed'" "ext.citext[]" "'{A,b}'" "'{a,B}'" ltree "'a.b.c'" "'a'" \
	    "ltree[]" "'{a.b,c}'" "'{}'" email "'Me@Example.org'" "'me@example.org'" \
	    tagged "ROW('k=>v','Name')" "ROW(NULL,'name')"
}

@test "json, xml, addresses, shapes and search" {
	kinds jsonb "'{\"z\":[1,2.50,null,\"\\\\u00e9\"]}'" "'null'" json "'{\"a\" : 1, \"a\":2}'" "'[]'" \
	    xml "'<a>b</a>'" "'<c/>'" inet "'10.1.2.3/8'" "'::1'" cidr "'::/0'" "'10/8'" \
	    macaddr "'08:00:2b:01:02:03'" "'00:00:00:00:00:00'" macaddr8 "'08:00:2b:01:02:03:04:05'" "'02:00:00:00:00:00:00:01'" \
	    point "'(1.5,-2)'" "'(0,0)'" line "'{1,2,3}'" "'{0,1,0}'" lseg "'[(0,0),(1,1)]'" "'[(0,0),(0,0)]'" \
	    box "'((0,0),(1,1))'" "'((0,0),(2,3))'" path "'[(0,0),(1,1)]'" "'((0,0),(1,1),(2,0))'" \
	    polygon "'((0,0),(1,1),(2,0))'" "'((0,0))'" circle "'<(0,0),2>'" "'<(1,1),0>'" \
	    tsvector "'a:1A fat:2 cat'" "''" tsquery "'fat & !cat'" "'a <2> b'" \
	    pg_lsn "'FF/FF'" "'0/0'" xid8 "'18446744073709551615'" "'1'" regclass "'pg_catalog.pg_class'" "'pg_type'" \
	    regtype "'int4'" "'text[]'"
}

@test "a table's row type as a column" {
	src "CREATE TABLE item (tenant_id text, id int PRIMARY KEY, gone int, t text); ALTER TABLE item DROP gone"
	dst "CREATE TABLE item (tenant_id text, id int PRIMARY KEY, t text)"
	kinds item "ROW('acme',1,'x')" "ROW(NULL,2,NULL)" "item[]" "ARRAY[ROW('acme',1,'x')::item]" "'{}'"
}

@test "keys of user-defined types" {
	src "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN code AS text; CREATE TYPE pair AS (a int, b text)"
	dst "CREATE TYPE pair AS (a int, b text); CREATE DOMAIN code AS text; CREATE TYPE mood AS ENUM ('sad', 'glad')"
	both "CREATE TABLE k1 (tenant_id text, m mood, c code, n int, PRIMARY KEY (m, c));
	    CREATE TABLE k2 (tenant_id text, p pair PRIMARY KEY, n int);
	    CREATE TABLE k3 (tenant_id text, a mood[] PRIMARY KEY, n int);
	    CREATE TABLE k4 (tenant_id text, a int4range PRIMARY KEY, n int)"
	slot
	src "INSERT INTO k1 SELECT 'acme', m, c, 0 FROM unnest('{sad,glad}'::mood[]) m, unnest('{a,b,c}'::text[]) c;
	    INSERT INTO k2 SELECT 'acme', ROW(i, 'x')::pair, 0 FROM generate_series(1, 5) i;
	    INSERT INTO k3 VALUES ('acme', '{}', 0), ('acme', '{sad}', 0), ('acme', '{sad,glad}', 0);
	    INSERT INTO k4 VALUES ('acme', '[1,5)', 0), ('acme', 'empty', 0), ('acme', '[7,)', 0)"
	sync
	src "UPDATE k1 SET n = 1 WHERE m = 'sad'; DELETE FROM k1 WHERE c = 'b'; UPDATE k1 SET m = 'glad', c = 'z' WHERE m = 'sad' AND c = 'a'"
	src "UPDATE k2 SET n = 1; DELETE FROM k2 WHERE (p).a = 2; UPDATE k2 SET p = ROW(9, NULL)::pair WHERE (p).a = 3"
	src "UPDATE k3 SET n = 1; DELETE FROM k3 WHERE a = '{}'; UPDATE k3 SET a = '{NULL}' WHERE a = '{sad}'"
	src "UPDATE k4 SET n = 1; DELETE FROM k4 WHERE a = 'empty'; UPDATE k4 SET a = '(,)' WHERE a = '[7,)'"
	sync
	same
	equal "4|4|2|2" "$(dst "SELECT (SELECT count(*) FROM k1), (SELECT count(*) FROM k2),
	    (SELECT count(*) FROM k3), (SELECT count(*) FROM k4)")"
	equal 0 "$(conflicts)"
}

@test "a type that is made and used while its table is followed" {
	both "CREATE TABLE k (tenant_id text, id int PRIMARY KEY)"
	slot
	src "INSERT INTO k VALUES ('acme', 1)"
	dst "CREATE DOMAIN later AS int"
	both "CREATE TYPE mood AS ENUM ('sad', 'glad'); ALTER TABLE k ADD m mood DEFAULT 'sad', ADD ms mood[]"
	src "INSERT INTO k VALUES ('acme', 2, 'glad', '{sad}'); UPDATE k SET ms = '{glad}' WHERE id = 1"
	both "ALTER TYPE mood ADD VALUE 'so-so' BEFORE 'glad'"
	src "INSERT INTO k VALUES ('acme', 3, 'so-so', '{so-so}')"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a type that moves to another schema, or is renamed, on both sides" {
	both "CREATE SCHEMA apart; CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (a int, m mood)"
	both "CREATE TABLE k (tenant_id text, id int PRIMARY KEY, m mood, ms mood[], p pair)"
	slot
	src "INSERT INTO k VALUES ('acme', 1, 'sad', '{sad}', ROW(1,'sad'))"
	sync
	src "INSERT INTO k VALUES ('acme', 2, 'sad', '{glad}', ROW(2,'sad'))"
	both "ALTER TYPE mood SET SCHEMA apart; ALTER TYPE pair RENAME TO couple"
	src "INSERT INTO k VALUES ('acme', 3, 'glad', '{sad,glad}', ROW(3,'glad')); UPDATE k SET m = 'glad' WHERE id = 1"
	sync
	same
	equal "3|3" "$(dst "SELECT count(*), count(*) FILTER (WHERE m = 'glad' OR id = 2) FROM k")"
	equal 0 "$(conflicts)"
}

@test "refused: a type that is in another schema at the target" {
	both "CREATE SCHEMA apart; CREATE TYPE mood AS ENUM ('sad', 'glad')"
	both "CREATE TABLE k (tenant_id text, id int PRIMARY KEY, m mood)"
	slot
	src "ALTER TYPE mood SET SCHEMA apart"
	src "INSERT INTO k VALUES ('acme', 1, 'sad'); UPDATE k SET m = 'glad'"
	job
	ended 0 77
	[[ $(parked) == "acme|column 'm' of 'public.k' has type apart.mood at the source and "*mood* ]]
	dst "ALTER TYPE mood SET SCHEMA apart"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 1 "$(dst "SELECT count(*) FROM k WHERE m = 'glad'")"
	equal 0 "$(conflicts)"
}

@test "refused: a value that the target's type does not know" {
	both "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN small AS int CHECK (VALUE < 1000)"
	both "CREATE TABLE k (tenant_id text, id int PRIMARY KEY, m mood, s small)"
	dst "ALTER DOMAIN small ADD CHECK (VALUE < 10)"
	slot
	src "ALTER TYPE mood ADD VALUE 'new'"
	src "INSERT INTO k VALUES ('acme', 1, 'new', 1), ('globex', 2, 'sad', 100), ('initech', 3, 'glad', 3)"
	job
	ended 0 77
	equal "acme globex" "$(parked | sed 's/|.*//' | paste -sd' ')"
	equal 3 "$(dst "SELECT id FROM k")"
	dst "ALTER TYPE mood ADD VALUE 'new'; ALTER DOMAIN small DROP CONSTRAINT small_check1"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}

@test "refused: a full identity of values that nothing compares" {
	both "CREATE TABLE w (tenant_id text, id int, p jsonpath); ALTER TABLE w REPLICA IDENTITY FULL"
	slot
	src "INSERT INTO w VALUES ('acme', 1, '\$.a'), ('globex', 2, NULL)"
	sync
	src "UPDATE w SET p = '\$.b' WHERE id = 1; DELETE FROM w WHERE id = 2"
	job
	ended 0 77
	[[ $(parked) == "acme|"*jsonpath* ]]
	equal 1 "$(dst "SELECT count(*) FROM w")"
	dst "ALTER TABLE w ADD PRIMARY KEY (id)"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}
