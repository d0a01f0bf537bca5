# expr.bash - a table of nasty values, and expressions over its columns.
# shellcheck shell=bash disable=SC1003 # a backslash before a quote is one

# Values that are at an end, wrap around, are not finite, or look like others.
expr_table() {
	cat <<-'SQL'
	SET timezone = 'UTC';
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
	CREATE TABLE v (id int PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8,
	    n numeric, n2 numeric(12,3), t text, v varchar(20), c char(6), nm name, en mood, d date, tm time,
	    tz timetz, ts timestamp, tsz timestamptz, iv interval, u uuid, ip inet, net cidr, mac macaddr,
	    ba bytea, j json, jb jsonb, lsn pg_lsn);
	INSERT INTO v VALUES
	(1, true, 1, 2, 3, 4, 1.5, 2.5, 1.10, 12.345, 'abc', 'abc', 'abc', 'abc', 'ok', '2024-02-29', '12:34:56.789',
	 '12:34:56+02', '2024-02-29 23:59:59.999999', '2024-02-29 12:00:00+05:30', '1 year 2 mons 3 days 04:05:06.789',
	 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.1.2.3/8', '10.0.0.0/8', '08:00:2b:01:02:03', '\xdeadbeef',
	 '{"a": {"b": [1, 2.50, "x\u00e9\n"]}, "c": null, "a b": true}', '{"a": {"b": [1, 2.50, "x\u00e9\n"]}, "c": null, "a b": true}', '16/B374D848'),
	(2, false, -32768, -2147483648, -9223372036854775808, 4294967295, 'NaN', 'NaN', 'NaN', 0, '', '', '', '', 'sad',
	 '-infinity', '00:00', '00:00-15:59', '-infinity', '-infinity', '-1 day', '00000000-0000-0000-0000-000000000000',
	 '::1', '::/0', '00:00:00:00:00:00', '', '[]', '[]', '0/0'),
	(3, NULL, 32767, 2147483647, 9223372036854775807, 0, 'Infinity', '-Infinity', 'Infinity', 999999999.999,
	 'ABC', 'Abc ', 'abc  ', 'a"b', 'happy', 'infinity', '24:00', '24:00+00', 'infinity', 'infinity', '1 mon -1 day',
	 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'fe80::1/64', '192.168.0.0/16', 'ff:ff:ff:ff:ff:ff', '\x00ff',
	 '"text"', '"text"', 'FFFFFFFF/FFFFFFFF'),
	(4, true, 0, 0, 0, 16384, 0, '-0', 0, -0.0005, 'äöü€😀', 'ÄÖÜ', 'äö', 'ä', NULL, '2000-01-01', '23:59:59.999999',
	 '23:59:59+00', '2000-01-01', '2000-01-01 00:00+00', '00:00', NULL, '10.1.2.3', '10.1.2.0/24', NULL, '\x61',
	 '{"a":1,"a":2}', '{"bb": 1, "a": [], "": {}}', '0/1'),
	(5, false, -1, -1, -1, 1, 1e-38, 1e-300, 0.00000000000000000001, 0.001, 'a%b_c\d', 'a_c', 'a%', 'x''y', 'ok',
	 '0001-01-01 BC', '06:07', '06:07:08.5-03:30', '4714-11-24 00:00:00 BC', '0044-03-15 12:00:00 BC', '-1 years -2 mons +3 days -04:05:06',
	 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12', '255.255.255.255', '1.2.3.4/32', '01:23:45:67:89:ab', '\xff00',
	 '[1, "2", [3], {"k": -1.5e3}, null, true]', '[1, "2", [3], {"k": -1.5e3}, null, true]', '7FFFFFFF/80000000'),
	(6, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	(7, true, 7, -7, 1000000007, 7, 3.4028235e38, 1.7976931348623157e308, 123456789012345678901234567890.123456789,
	 123.456, E'tab\tnew\nline', 'true', '007', 'True', 'happy', '1999-12-31', '11:59:59.5', '11:59:59.5+14',
	 '1969-07-20 20:17:40', '1970-01-01 00:00:00+00', '100 years', '12345678-1234-5678-1234-567812345678',
	 '2001:db8::ff00:42:8329/96', '2001:db8::/32', '08:00:2b:01:02:04', '\x5c', '12.50', '12.50', '1/0'),
	(8, false, 42, 1234567, 123456789012, 99, -2.5, -0.5, -9999.9999, -12.5, ' 42 ', '42', '42', '42', 'sad',
	 '2024-12-31', '01:02:03', '01:02:03+01', '2024-12-30 01:02:03.5', '2020-12-31 23:30:00-01', '1.5 days', NULL,
	 '10.1.0.0/16', '10.1.0.0/16', '00:00:00:00:00:01', '\x0102030405', 'true', 'true', '0/FFFFFFFF'),
	(9, true, 100, 86400, 5000000000, 2, 0.1, 0.1, 0.1, 0.1, 'the quick brown fox', 'The Quick', 'fox', 'quick', 'ok',
	 '2021-01-03', '12:00', '12:00+00', '2021-01-03 12:00', '2021-01-03 12:00+00', '2 weeks', NULL, '0.0.0.0/0', '0.0.0.0/0',
	 '00:00:00:00:01:00', '\x7f', 'null', 'null', '0/10'),
	(10, false, -5, 5, -5, 3, 2.5, 1234.5678, 2.5, 3.14, 'a,b,,c', 'xxabcxx', 'ABC', 'b', 'happy', '9999-12-31',
	 '00:00:00.000001', '00:00:00.000001+00', '9999-12-31 23:59:59.999999', '1900-01-01 00:00+00', '-2147483648 days',
	 NULL, '::ffff:10.1.2.3', '::ffff:0:0/96', '00:00:00:00:00:ff', '\x80', '{}', '{}', '0/2'),
	(11, true, 3, 10, 20, 30, 16777217, 9007199254740993, 10000, 10000, 'Hello, World', 'hello', 'Hello', 'World', 'sad',
	 '2038-01-19', '03:14:07', '03:14:07+00', '2038-01-19 03:14:07', '2038-01-19 03:14:08+00', '178000000 years', NULL,
	 '127.0.0.1', '127.0.0.0/8', '02:00:00:00:00:01', '\x0a', '{"deep":{"er":{"est":[[["x"]]]}}, "n":"5"}',
	 '{"deep":{"er":{"est":[[["x"]]]}}, "n":"5"}', '0/3'),
	(12, false, 2, 3, 4, 5, -0.0, 4.5, -0.5, 999.9995, 'zz\\zz', 'İstanbul ß', 'ZZ', 'zz', 'ok', '4713-01-01 BC',
	 '15:30:45.123456', '15:30:45.123456-08', '1582-10-15 06:07:08', '2262-04-11 23:47:16.854775+00',
	 '1 day -25:00:00', NULL, '1.1.1.1/1', '128.0.0.0/1', '02:00:00:00:00:02', '\x0b0c', '[[]]', '[[]]', '0/4');
	SQL
}

# each FORMAT WORD...: the format, with each word for its $1.
each() {
	local format=$1 word

	shift
	for word; do
		printf '%s\n' "${format//\$1/$word}"
	done
}

# cross FORMAT 'WORD...' WORD...: the format, with $1 and $2 from both lists.
cross() {
	local format=$1 x list

	read -ra list <<<"$2"
	shift 2
	for x in "${list[@]}"; do
		each "${format//\$2/$x}" "$@"
	done
}

# Each on a line of its own, as PostgreSQL and a rule both take it.
expr_list() {
	local op x y
	local numbers=(i2 i4 i8 f4 f8 n n2)
	local texts=(t v c nm)

	# Comparisons: of what is of one kind, with each other and with literals.
	for op in '=' '<>' '<' '<=' '>' '>='; do
		cross "\$1 $op \$2" "${numbers[*]} o" "${numbers[@]}" o
		cross "\$1 $op \$2" "${texts[*]}" "${texts[@]}"
		cross "\$1 $op \$2" "d ts tsz" d ts tsz
		each "\$1 $op \$1" b tm tz iv u ip net mac ba lsn
		each "ip $op \$1" net "'10.0.0.0/8'" "'10.1.2.3'" "'::1'"
		each "\$1 $op 0" "${numbers[@]}" o
		each "\$1 $op 2.5" "${numbers[@]}"
		each "\$1 $op 1.1" n n2 f4 f8
		each "\$1 $op '2'" "${numbers[@]}" o
		each "\$1 $op 'abc'" "${texts[@]}"
		each "'abc' $op \$1" "${texts[@]}"
		each "\$1 $op ''" "${texts[@]}"
		each "\$1 $op '2024-02-29'" d ts tsz
		each "\$1 $op date '2024-02-29'" d ts tsz
		each "\$1 $op timestamp '2024-02-29 12:00'" d ts tsz
		each "\$1 $op timestamptz '2024-02-29 12:00+02'" d ts tsz
		each "\$1 $op 'infinity'" d ts tsz
		each "date '5000000-01-01' $op \$1" d ts tsz
		each "iv $op \$1" "'1 day'" "interval '30 days'" "'1 mon'" "'24:00:00'" "interval 'P1Y2M3DT4H5M6S'"
		each "tm $op \$1" "'12:34:56.789'" "time '12:00'" tm
		each "tz $op \$1" "'12:00+00'" "timetz '03:00:00-05'" tm
		each "b $op \$1" true false "'yes'" "'0'" NULL
		each "u $op \$1" "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'" "'{12345678-1234567812345678-12345678}'"
		each "ba $op \$1" "'\\xdeadbeef'" "'a'" "'\\\\\\377'"
		each "lsn $op \$1" "'0/1'" "'7fffffff/80000000'"
		each "mac $op \$1" "'08:00:2b:01:02:03'" "'08002b010204'"
	done
	each "\$1 = \$1" en jb
	each "en \$1 'ok'" = '<>'
	each "jb = '\$1'" '[]' '{}' '12.5' '12.50' '{"a":[],"":{},"bb":1.0}' 'null' 'true' '"text"'
	each "\$1 IS DISTINCT FROM \$1" b i4 n t ts jb
	each "\$1 IS NOT DISTINCT FROM NULL" b i4 n t ts jb
	cross "\$1 IS DISTINCT FROM \$2" "i2 n f8" i8 f4 n2
	each "\$1 IS NULL" b i2 n t en jb j
	each "\$1 IS NOT NULL" b i2 n t en jb j
	each "\$1 ISNULL OR \$1 NOTNULL" b t
	each "b IS \$1" TRUE FALSE UNKNOWN 'NOT TRUE' 'NOT FALSE' 'NOT UNKNOWN'
	each "(i4 > 0) IS \$1" TRUE FALSE UNKNOWN 'NOT TRUE' 'NOT FALSE' 'NOT UNKNOWN'

	# Logic with NULLs.
	for x in b 'i4 > 0' "t = 'abc'" true false NULL; do
		for y in b 'n > 0' true false NULL; do
			printf '%s\n' "($x) AND ($y)" "($x) OR ($y)" "NOT ($x) AND NOT ($y)" "($x) AND ($y) OR b IS NULL"
		done
	done
	each "i4 \$1" 'BETWEEN -1 AND 5' 'NOT BETWEEN -1 AND 5' 'BETWEEN SYMMETRIC 5 AND -1' 'BETWEEN i2 AND i8' \
	    'BETWEEN 0.5 AND 2.5' 'BETWEEN 5 AND NULL' 'IN (1, 2, 3)' 'NOT IN (0, -1)' 'IN (0, NULL)' 'NOT IN (0, NULL)' \
	    'IN (i2, i8)' 'IN (2, 2.0, 5)' "IN ('2', 5)" 'IN (i2 + 1, NULL, 7)'
	each "\$1 IN (0, 0.1, 2.5, 'NaN')" f4 f8 n n2
	each "\$1 IN ('abc', 'ABC', '')" t v c nm
	each "\$1 NOT IN ('abc', 'ABC', NULL)" t v c nm
	each "\$1" "en IN ('ok', 'sad')" "d IN ('2024-02-29', 'infinity')" "u IN ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')" \
	    "t BETWEEN 'A' AND 'b'" "d BETWEEN '1999-01-01' AND '2024-12-31'" "ts BETWEEN date '2000-01-01' AND 'infinity'"

	# Arithmetic.
	for op in + - '*' / %; do
		cross "\$1 $op \$2" "${numbers[*]}" "${numbers[@]}"
		each "\$1 $op 2" "${numbers[@]}"
		each "\$1 $op -3" "${numbers[@]}"
		each "7 $op \$1" "${numbers[@]}"
		each "\$1 $op 0" "${numbers[@]}"
		each "\$1 $op 1.50" i4 n n2 f8
		each "\$1 $op '3'" i4 n f8
		each "\$1 $op \$2" "10::numeric"
	done
	each "-\$1" "${numbers[@]}" iv
	each "- - \$1 + 1" i4 n f8
	each "2 + \$1 * 3 - 4" i2 n n2 f4
	each "(2 + \$1) % 7" i2 i4 n n2
	each "n * n2 / \$1" 3 7 0.001 1e10 -1e-10 i4
	each "\$1" '1/3.0' '2/3.0' '1e100 / 3' '1.0 / 3e50' '10.0 % 3' '-10.5 % 3' '1e-5 * 1e-5' '12345678901234567890 * 98765432109876543210' \
	    '100000000000000000000000000000 / 7' '5 / 2' '-5 / 2' '-5 % 2' '5.0 / 2.00' '0.00 / 5' '1.5::float4 * 3' '1e400' \
	    '9223372036854775807 + 0' '9223372036854775808' '0.1 + 0.2' '0.1::float8 + 0.2' '-32768::int2' '(-32768)::int2' \
	    '9999.9999 + 0.0001' '99999999 * 99999999.99999999' '1e4 - 1e-4' '123456.789 / 0.00123' '1 / 1e16' '1/ 99999999.0' \
	    '99999999999999999999 / 99999999999999999998.0' '1e30 % 7.1' '-1e30 % 99991'

	# Functions of numbers.
	for x in abs round floor ceil ceiling trunc; do
		each "$x(\$1)" "${numbers[@]}"
		each "$x(\$1)" 2.5 -2.5 3.5 0.5 -0.5 -0.4 99999.5 "'NaN'::numeric" "'-inf'::numeric" 0 10000.0001 -9999.5
	done
	each "\$1('2.5')" abs round floor ceil
	cross "round(\$1, \$2)" "0 1 2 5 -1 -2 -5 20" n n2 i4 i8
	cross "trunc(\$1, \$2)" "0 1 2 5 -1 -2 -5 20" n n2 i4 i8
	cross "round(\$1, \$2)" "0 1 3 4 5 -1 -3 -4 -5" 9999.9999 4999.5 5000 -5000.55555 0.00005 99995 12345.678915
	cross "mod(\$1, \$2)" "i2 i4 i8 n 3" i2 i4 i8 n n2
	cross "greatest(\$1, \$2)" "i2 i8 n 2.5" i4 f4 n2 NULL
	cross "least(\$1, \$2, 3)" "i2 i8 n 2.5" i4 f4 n2 NULL
	cross "coalesce(\$1, \$2)" "0 1.5 i8 n" i4 f4 n2 NULL
	cross "nullif(\$1, \$2)" "2 2.0 i4" i2 i4 i8 n f8

	# Casts.
	cross "\$1::\$2" "int2 int4 int8 float4 float8 numeric numeric(5,2) numeric(3) text" "${numbers[@]}"
	cross "\$1::\$2" "text varchar varchar(2) char(3) char name bpchar" "${texts[@]}" b i4 n f8 d ts tsz iv u ip lsn jb
	cross "\$1::\$2" "int4 numeric float8 bool date int2" t v c nm
	cross "\$1::text" "x" tm tz net mac ba j en o f4
	cross "\$1::\$2" "date time timestamp timestamptz timetz timestamp(0) timestamp(3) time(1)" d ts tsz tm tz iv
	each "\$1" 'b::int' 'i4::bool' 'o::int4' 'o::int8' 'i4::oid' 'i8::oid' 'ip::cidr' 'net::inet' 'iv::time' 'tm::interval' \
	    'j::jsonb' 'jb::json' 'jb::numeric' 'jb::int' 'jb::bool' "f8::numeric + 0" 'f4::numeric' 'f4::float8' 'f8::float4' \
	    "' 12 '::int" "'1e3'::numeric" "'1_0'::int" "'0x10'::int" "' +5'::int" "'5.'::numeric" "'.5'::numeric" "'abc'::text::int" \
	    "'t'::bool" "'of'::bool" "'o'::bool" "'tru'::bool" "'2024-1-5'::date" "'20240105'::date" "'2024-02-30'::date" \
	    "'2024-01-05T10:11:12Z'::timestamptz" "'2024-01-05 10:11:12.1234567'::timestamp" "'2024-01-05 24:00:00'::timestamp" \
	    "'2024-01-05 23:59:60'::timestamp" "'2024-01-05 10:00 BC'::timestamp" "'epoch'::timestamptz" \
	    "'2024-01-05 10:11-0330'::timestamptz" "'10:11:12.5'::time" "'24:00:00'::time" "'24:00:01'::time" "'10:11+05:30'::timetz" \
	    "'1 day 2 hours'::interval" "'-1 day 02:03'::interval" "'1 day ago'::interval" "'1.5 months'::interval" "'P1W'::interval" \
	    "'1-2'::interval" "'5'::interval" "'3 10:20'::interval" "'1 fortnight'::interval" "'@ 1 minute'::interval" \
	    "'2 years 13 mons'::interval" "'1.75 years'::interval" "'0.5 weeks'::interval" "'PT36H'::interval" \
	    "'P1.5D'::interval" "'-P1DT-2H'::interval" "'1 hour 90 min'::interval" "'999999999999 years'::interval" \
	    "'1.1 decades'::interval" "'1 century -1 day'::interval" "'1us 2ms'::interval" "'-00:00:00.5'::interval" \
	    "'1.2.3.4/33'::inet" "'1.2.3.4/8'::cidr" "'::ffff:1.2.3.4'::inet" "'A0-EE-BC-99-9C-0B'::macaddr" \
	    "CAST('12' AS int) + 1" "CAST(n AS numeric(20, 3))" "i4::numeric(4,1)" "n::numeric(30,10)" 'n2::varchar(3)' \
	    "'{\"b\":1,\"a\":[1.0, 2],\"b\":2}'::jsonb" "'  [1 , 2]'::json" "'[1,]'::json" "'\"\\u00e9\\ud83d\\ude00\"'::jsonb" \
	    "'\\x4142'::bytea" "'a\\\\b'::bytea" "'\\x4'::bytea" "E'a\\\\000b'::bytea" 'double precision '"'1.5'" "real '1.1'" \
	    "'1.1'::float4::float8" "character varying(2) 'abc'" "'abc'::char" "timestamp with time zone '2024-01-05 10:00+02'" \
	    "'NaN'::float8::numeric" "'inf'::float8::int" "2.5::float8::int" "3.5::float8::int" "-2.5::numeric::int" "2.5::numeric::int" \
	    "1e40::float8::float4" "1e-50::float8::float4" "'1e400'::float8" "'1e-400'::float8" "123456789.123::float4::text" "1e15::float8" \
	    "1e16::float8" "0.00001::float8" "'-0'::float8" "1234567.0::float4" "1e21::float8::text" "40000::int2"

	# Dates and times.
	each "d \$1" '+ 1' '- 1' '+ i4' '- i2' "- date '2024-01-01'" '- d' "+ interval '1 month'" "- interval '1 mon'" '+ tm' '- ts' '- tsz' '+ iv' \
	    "- '2024-01-01'"
	each "1 + d" x
	cross "\$1 \$2 iv" "+ -" ts tsz tm tz iv
	cross "\$1 \$2 interval '1 mon 1 day -01:00'" "+ -" ts tsz tm tz iv d
	each "ts \$1" '- ts' '- d' '- tsz' "+ '1 day'" "- '2024-01-01'" "- interval '1 year'" "+ interval '1 mon'" "- timestamp '2024-01-01'" \
	    "+ interval '100000 years'"
	each "tm \$1" '- tm' "+ interval '36 hours'" "- interval '25:00'" "+ '1 hour'"
	each "iv \$1" '* 2' '* 0.5' '/ 3' '* -1.5' '/ 0' '* f4' '* 0.1' '/ 7.0' '+ iv' '- iv' '* 3.7' '* 0.33333'
	each "2 * iv" x
	each "interval '1 mon 15 days' * \$1" 0.5 1.5 0.1 -0.7 10
	for x in microseconds milliseconds second minute hour day week month quarter year decade century millennium; do
		each "date_trunc('$x', \$1)" ts tsz iv d
	done
	for x in microseconds milliseconds second minute hour day week month quarter year decade century millennium dow isodow doy \
	    isoyear epoch julian; do
		each "extract($x FROM \$1)" ts tsz iv d tm
		each "date_part('$x', \$1)" ts tsz iv d tm
	done
	each "extract(\$1 FROM tsz)" timezone "'epoch'" '"year"' YEAR usec
	each "extract(epoch from interval '1 year 2 mons 3 days 04:05:06.7' * \$1)" 1 -1 0.5

	# Text.
	for x in lower upper length char_length reverse btrim ltrim rtrim trim octet_length; do
		each "$x(\$1)" t v c "'  x y  '" "'ÄÖ'" "''"
	done
	each "\$1(nm)" lower length btrim		# upper() has only ASCII's letters of a name there
	cross "left(\$1, \$2)" "0 1 3 -1 -3 100 -100" t v c nm
	cross "right(\$1, \$2)" "0 1 3 -1 -3 100 -100" t v c nm
	cross "substr(\$1, \$2)" "0 1 2 -1 3,2 0,2 -1,3 2,0 1,100 2,-1 1,2147483647 -2147483648,2147483647" t v c nm
	each "substring(t \$1)" 'from 2' 'for 2' 'from 2 for 1' 'for 1 from 2'
	each "trim(\$1)" "both 'a' from t" "leading from ' x '" "trailing 'x' from v" "from t" "t, 'ac'" "'ä' from t"
	each "\$1" "btrim(v, 'x')" "ltrim(t, 'ab')" "rtrim(t, 'cä€😀')" "btrim(t, '')" "position('b' in t)" "position('' in t)" "strpos(t, 'ö')" \
	    "strpos(v, t)" "strpos('', '')" "strpos(t, '')" "replace(t, 'a', 'xx')" "replace(t, '', 'x')" "replace(t, 'ö', '')" "replace(v, v, t)" "replace(c, 'b', 'B')" \
	    "starts_with(t, 'a')" "starts_with(t, v)" "starts_with(t, '')" "concat(t, NULL, i4, b)" "concat(n, d, c, '|')" "concat_ws(',', t, NULL, v, i4)" \
	    "concat_ws(NULL, t, v)" "concat_ws('', t, v)" "concat_ws(t, v, c)" "concat(NULL)" "t || v" "t || i4" "n || t" "c || t" "c || '|'" "b || t" "t || NULL" "d || ''" \
	    "'a' || 'b' || 1" "ba || ba" "ba || '\\x00'" "en || 'x'" "iv || ' ' || u" "jb ->> 'a' || 'x'" "coalesce(t, v, 'none')" "coalesce(c, 'none')" "coalesce(v, c)" "coalesce(c, v)" \
	    "coalesce(d, ts)" "coalesce(ts, 'epoch')" "coalesce(en, 'ok')" "nullif(t, 'abc')" "nullif(t, v)" "nullif(c, 'abc')" "nullif('a', 'a')" "nullif(1, 1)" "nullif(1, 2.0)" "nullif(NULL, 1)" "greatest(t, v, c)" \
	    "least(t, 'b')" "greatest(d, ts)" "greatest(d, tsz)" "least(u, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')" "greatest(iv, '30 days')"
	cross "split_part(\$1, \$2)" "',',1 ',',2 ',',3 ',',4 ',',5 ',',-1 ',',-2 ',',-9 ',',0 '',1 '',2 '',-1 'b',1 'aa',2" t v c
	for x in abc a% %c %b% _b_ '' % '%%' ___ '\a%' '%\%%' 'a\_c' '%ö%' '____😀' 'A%' '%a%b%' '%\\%' "äÖü%" 'a\' '%\' '_%_%_%_%_%_%'; do
		cross "\$1 \$2 '$x'" "LIKE ILIKE" t v c nm
		each "t NOT LIKE '\$1'" "$x"
	done
	each "t LIKE \$1" "'a#%%' ESCAPE '#'" "'a#_%' ESCAPE '#'" "'a%' ESCAPE ''" "'a%' ESCAPE 'ab'" v "v || '%'" NULL "'%' ESCAPE NULL" "'%ab%' ESCAPE 'a'"
	for x in abc '^a' 'c$' '^abc$' 'a.c' '[a-c]+' '^[^a-z]' 'a|b' '(a|b)c' '^$' '' 'x*' '^.{3}$' '^..$' '^.{5}$' '\d' '^\s' '\w+$' '^\W' '[[:upper:]]' '[[:alpha:]]$' \
	    'q.*k' 'b{0,2}c' '[ä-ü]' '[^\x]' '[\d_]' '\.' '[.]' '[]a]' '[^]a]' '^(äö|the)' 'o{1}' 'l+?' 'l*?o' '(?:a|b)' '[a\-c]' '[a-]' '{' 'a{' '^a{,2}' '(' ')' '[z-a]' 'a**' \
	    '\mfox' '\bfox' '\Aa' '(a)\1' '(?=a)' 'tab\tnew' '[\t]' '😀$' '^ä?ö?ü' '(?i)ABC' '\\' '[\\]' '%' '_' 'a+{2}' 'ä{1}ö' 'a||b' '()' '(|a)' '.' '\D\S' '^[[:space:]]+[0-9]+'; do
		cross "\$1 \$2 '$x'" "~ ~* !~" t v
		each "c \$1 '$x'" '~'
	done

	# JSON.
	for x in j jb; do
		cross "$x \$2 \$1" "-> ->>" "'a'" "'c'" "'a b'" 0 1 -1 -6 5 3 "''" "'n'" "'0'" NULL i2 t "'deep'"
		cross "$x \$2 '{\$1}'" "#> #>>" a a,b a,b,0 a,b,1 a,b,2 a,b,-1 a,b,3 deep,er,est,0,0,0 3,k 1 x,y 0 -1 '"a b"' '""' ' c ' '' 1x
	done
	each "jb ? \$1" "'a'" "'2'" "'text'" "''" "t" "'1'" "'a b'"
	each "\$1" "jb -> 'a' -> 'b' ->> 2" "(jb -> 'a') IS NULL" "jb -> 'a' = '2'" "(jb ->> 0)::int + 1" "jb #>> '{a,b,1}' = '2.50'" "(jb #>> '{a,b,1}')::numeric > 2" "(jb -> 'n')::text" \
	    "j ->> 'a' IS NOT NULL AND i4 > 0" "jb -> 'deep' ->> 'er'" "jb IN ('[]', '{}')" "coalesce(jb -> 'a', '0')"

	# CASE, and what binds more.
	each "\$1" "CASE WHEN i4 > 0 THEN 'pos' WHEN i4 < 0 THEN 'neg' ELSE 'none' END" "CASE i4 WHEN 0 THEN 1 WHEN 2 THEN 2.5 END" \
	    "CASE WHEN b THEN i4 ELSE n END" "CASE t WHEN 'abc' THEN v ELSE c END" "CASE WHEN b THEN d ELSE ts END" "CASE WHEN NULL THEN 1 ELSE 2 END" \
	    "CASE WHEN i4 <> 0 THEN 100 / i4 ELSE 0 END" "CASE WHEN b THEN NULL END" "CASE b WHEN true THEN 'a' WHEN false THEN 'b' END" \
	    "n IS NULL = b" "n2 IN (f4)" "n2 IN (f4, 0.1, 12.345)" "v IN (nm, c)" "coalesce(nm, v)" "coalesce(c, nm)" "nullif(i4, NULL)" "nullif(NULL, 1 / i4)" \
	    "CASE WHEN false THEN 1 / i4 WHEN i4 = 0 THEN 0 WHEN true THEN 7 ELSE 1 / i4 END" "NULL + 1 / i4" "i2 + 1 / i4" "split_part(t, NULL, 0)" \
	    "NOT b OR b AND NOT b" "NOT i4 = 2" "i4 + 1 = i8 AND b" "- i4 ^ 2" "i4 = 2 IS TRUE" "(i4 = 2) = b" "t || 'x' = 'abcx'" "t || 'x' LIKE 'a%' || 'x'" "i4 + 1 BETWEEN 0 AND 3 AND b" \
	    "t IN ('abc') = true" "NOT t LIKE 'a%'" "b = true AND i4::text = '2'" "i4 BETWEEN 1 AND 2 OR b" "a" "i4 = t" "t > 5" "i4 = 'x'" "b + 1" "i4 AND b" "d = 5" "lower(i4)" "length()" \
	    "i4 = 1 = 1" "i4 IN ()" "CASE END" "(i4" "i4)" "i4 +" "'abc" "coalesce()" "u = 5" "j = j" "jb < jb" "en = t" "t -> 'a'" "substr(t, 'x')" "left(t, 1.5)" "round(f8, 2)" "mod(f8, 2)" "f8 % 2" \
	    "i4 -- a comment" "i4 /* a /* deeper */ one */ + 1" "\"i4\" + \"V\"" "\"i4\"" "I4" "E'a\\'b\\n\\x41\\u00e4' || t" "'it''s'" "i4 / NULL" "NULL" "'x'" "NULL IS NULL" "NULL = NULL" "true" "1" "1.50" \
	    "i8 = 1.0 * 3" "3 > 2" "'b' > 'a'" "'10' < '9'" "10 < '9'" "'2024-01-01' < d" "date '2024-01-31' + interval '1 month'" "timestamp '2024-01-31' - interval '1 month'" "tsz::date = d" "tsz > ts" \
	    "ts::date - d" "extract(year from d) = 2024" "extract(dow from ts)::int % 2 = 0" "date_trunc('month', ts)::date" "lower(t) = lower(v)" "length(t) > length(v)" "abs(i4) > 5 AND sign IS NULL" \
	    "replace(lower(trim(v)), 'x', '') || '@' || coalesce(nm, 'nobody')" "i2 + i4 + i8 + n" "i2::float4 + f4 * 2" "least(i2, i4) BETWEEN i2 AND i4" "(i4 > 0 OR b) AND NOT (t IS NULL OR v LIKE '%x%')" 
}

# Name, schema, type and typmod of each column.
expr_columns() {
	cat <<-'SQL'
	\pset fieldsep ' '
	SELECT attname, nspname, typname, atttypmod FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
	JOIN pg_namespace n ON n.oid = typnamespace WHERE attrelid = 'v'::regclass AND attnum > 0 ORDER BY attnum;
	SQL
}

# What PostgreSQL says of the expressions on stdin: SQL that prints '#EXPRESSION',
# and REFUSED, or a line for each row: =VALUE, NULL or ERROR.
expr_answers() {
	cat <<-'SQL'
	SET timezone = 'UTC';
	CREATE FUNCTION answers(x text) RETURNS SETOF text LANGUAGE plpgsql AS $f$
	DECLARE
	    i int;
	    r text;
	BEGIN
	    RETURN NEXT '#' || x;
	    BEGIN
	        EXECUTE 'SELECT (' || x || E'\n)::text FROM v WHERE false';
	    EXCEPTION WHEN OTHERS THEN
	        -- A division by zero is one of those that come when it is run.
	        IF SQLSTATE NOT IN ('22012', '22P02') OR x !~ '[/%]|::' THEN
	            RETURN NEXT 'REFUSED ' || replace(SQLERRM, E'\n', ' ');
	            RETURN;
	        END IF;
	    END;
	    FOR i IN SELECT id FROM v ORDER BY id LOOP
	        BEGIN
	            EXECUTE 'SELECT (' || x || E'\n)::text FROM v WHERE id = $1' INTO r USING i;
	            RETURN NEXT coalesce('=' || r, 'NULL');
	        EXCEPTION WHEN OTHERS THEN
	            RETURN NEXT 'ERROR ' || replace(SQLERRM, E'\n', ' ');
	        END;
	    END LOOP;
	END
	$f$;
	CREATE TABLE e (no serial, x text);
	COPY e (x) FROM STDIN;
	SQL
	sed 's/\\/\\\\/g; s/\t/\\t/g'
	printf '%s\n' '\.' 'SELECT answers(x) FROM e ORDER BY no;'
}

# Lines that are equal but for what an error says; what is refused here and fails
# there on every row, or the other way round, is the same.
# shellcheck disable=SC2016
expr_awk='
function flush_one(file) {
	if (key != "")
		said[file, key] = text
	text = ""
}
function plain(s) {
	gsub(/ERROR[^\n]*/, "ERROR", s)
	gsub(/REFUSED[^\n]*/, "REFUSED", s)
	return s
}
function fails(s) {
	gsub(/NULL\n|ERROR\n|REFUSED\n/, "", s)
	return s == ""
}
FNR == 1 { flush_one(file); file++; key = "" }
/^#/ { flush_one(file); key = substr($0, 2); if (file == 1) order[++n] = key; next }
{ text = text $0 "\n" }
END {
	flush_one(file)
	for (i = 1; i <= n; i++) {
		theirs = plain(said[1, order[i]])
		ours = plain(said[2, order[i]])
		if (theirs == ours || (theirs ~ /REFUSED/ && fails(ours)) || (ours ~ /REFUSED/ && fails(theirs)))
			continue
		if (ours ~ /REFUSED/) {
			if (want == "refused")
				print order[i]
		} else if (want == "differ") {
			printf "differ: %s\ntheirs:\n%sours:\n%s", order[i], said[1, order[i]], said[2, order[i]]
		}
	}
}'

expr_compare() {
	awk -v want=differ "$expr_awk" "$1" "$2"
}

expr_refused() {
	awk -v want=refused "$expr_awk" "$1" "$2"
}
