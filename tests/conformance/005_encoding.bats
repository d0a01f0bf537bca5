load ../lib
load ../pipe/pipe

setup() {
	pair
	db=${SLOT#hr_}
}

teardown() {
	unpair
}

# encoding SERVER NAME: its database, in this encoding.
encoding() {
	new_database "$1" "$db" "ENCODING $2 TEMPLATE template0"
	[ "$1" = target ] || src "CREATE PUBLICATION hr FOR ALL TABLES"
}

# The tests speak UTF-8, whatever the databases do.
both8() {
	PGCLIENTENCODING=UTF8 both "$1"
}

src8() {
	PGCLIENTENCODING=UTF8 src "$1"
}

dst8() {
	PGCLIENTENCODING=UTF8 dst "$1"
}

same8() {
	PGCLIENTENCODING=UTF8 same "$@"
}

@test "from LATIN1 to UTF8, by copy and by changes" {
	encoding source LATIN1
	both "CREATE TABLE e (tenant_id text, id int PRIMARY KEY, t text, j jsonb, a text[], c char(6), f text);
	    CREATE TABLE w (tenant_id text, t text); ALTER TABLE w REPLICA IDENTITY FULL"
	src8 "INSERT INTO e VALUES ('acme', 1, 'Yußü', '{\"é\": \"à\"}', '{Ä,Ö}', 'ß', repeat('ÿ', 9000));
	    INSERT INTO w VALUES ('acme', 'Größe'), ('acme', 'Größe'), ('globex', 'été')"
	sync --create-slot --snapshot
	same8
	equal "59c39fc3bc" "$(dst "SELECT encode(convert_to(substr(t, 2), 'UTF8'), 'hex') FROM e" | sed 's/^75/59/')"
	src8 "INSERT INTO e VALUES ('acme', 2, 'ñ', NULL, NULL, 'öäü'); UPDATE e SET t = t || '§', c = 'ÄÖÜ' WHERE id = 1;
	    UPDATE w SET t = 'Maß' WHERE tenant_id = 'globex'; DELETE FROM w WHERE ctid = (SELECT min(ctid) FROM w);
	    UPDATE w SET t = t || '!' WHERE t = 'Größe'"
	sync --create-slot --snapshot
	same8
	equal "Größe!,Maß" "$(dst8 "SELECT string_agg(t, ',' ORDER BY t COLLATE \"C\") FROM w")"
	equal 0 "$(conflicts)"
}

@test "from UTF8 to LATIN1" {
	encoding target LATIN1
	both "CREATE TABLE e (tenant_id text, id int PRIMARY KEY, t text, a text[])"
	src8 "INSERT INTO e VALUES ('acme', 1, 'Grüße', '{é,è}'), ('Großkunde', 2, 'ÿ', NULL)"
	sync --create-slot --snapshot
	src8 "UPDATE e SET t = t || ' §' WHERE id = 1; INSERT INTO e VALUES ('acme', 3, 'ø', '{}')"
	sync --create-slot --snapshot
	same8
	equal "Grüße §" "$(dst8 "SELECT t FROM e WHERE id = 1")"
	equal 0 "$(conflicts)"
}

@test "refused: a character that the target's encoding lacks" {
	encoding target LATIN1
	both "CREATE TABLE e (tenant_id text, id int PRIMARY KEY, t text)"
	slot
	src8 "INSERT INTO e VALUES ('acme', 1, 'Grüße'), ('globex', 2, 'ok')"
	src8 "INSERT INTO e VALUES ('acme', 3, '東京'), ('globex', 4, 'ü')"
	job
	ended 0 77
	[[ $(parked) == "acme|"*LATIN1* ]]
	equal "1 2 4" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM e")"
	# The one with the character is the tenant's to change, or the target's.
	src8 "UPDATE e SET t = 'Tokio' WHERE id = 3"
	job
	ended 0 77
	dst "DELETE FROM hr.parked WHERE tenant = 'acme'"
	run -0 --separate-stderr hr-apply -d "$DST" --retry --tenant acme
	src8 "UPDATE e SET t = 'Tokyo' WHERE id = 3"
	sync
	same8
	equal "update_missing inserted" "$(dst "SELECT conflict, resolution FROM hr.conflict" | tr '|' ' ')"
}

@test "between two encodings that are not UTF8" {
	encoding source EUC_JP
	encoding target EUC_JIS_2004
	both "CREATE TABLE e (tenant_id text, id int PRIMARY KEY, t text)"
	src8 "INSERT INTO e VALUES ('acme', 1, '東京')"
	sync --create-slot --snapshot
	src8 "INSERT INTO e VALUES ('株式会社', 2, 'カタカナ'); UPDATE e SET t = '京都' WHERE id = 1"
	sync --create-slot --snapshot
	same8
	equal "京都" "$(dst8 "SELECT t FROM e WHERE id = 1")"
	equal 0 "$(conflicts)"
}

@test "tables, columns and types named in another encoding" {
	encoding source LATIN1
	both8 "CREATE TYPE größe AS ENUM ('groß', 'übergroß');
	    CREATE TABLE \"Straßen\" (tenant_id text, \"nüm\" int PRIMARY KEY, \"größe\" größe, gs größe[])"
	src8 "INSERT INTO \"Straßen\" VALUES ('acme', 1, 'groß', '{groß}')"
	sync --create-slot --snapshot
	src8 "INSERT INTO \"Straßen\" VALUES ('acme', 2, 'übergroß', '{übergroß,NULL}');
	    UPDATE \"Straßen\" SET \"größe\" = 'übergroß', \"nüm\" = 3 WHERE \"nüm\" = 1; DELETE FROM \"Straßen\" WHERE \"nüm\" = 2"
	sync --create-slot --snapshot
	same8
	equal "3|übergroß" "$(dst8 "SELECT \"nüm\", \"größe\" FROM \"Straßen\"")"
	equal 0 "$(conflicts)"
}

@test "a tenant is chosen by the same name in every encoding" {
	encoding source LATIN1
	both "CREATE TABLE e (tenant_id text, id int PRIMARY KEY, t text)"
	src8 "INSERT INTO e VALUES ('München', 1, 'ü'), ('Köln', 2, 'ö')"
	sync --create-slot --snapshot --tenant München
	src8 "INSERT INTO e VALUES ('München', 3, 'u'), ('Köln', 4, 'o'); UPDATE e SET t = 'x' WHERE id < 3"
	sync --create-slot --snapshot --tenant München
	same8 "tenant_id = 'München'"
	equal "1 x,3 u" "$(dst "SELECT string_agg(id || ' ' || t, ',' ORDER BY id) FROM e")"
	equal München "$(hr-checkpoint export "$F" | jq -r '.tenants[].tenant')"
	equal 0 "$(conflicts)"
}

@test "what the environment says of encodings does not matter" {
	encoding source LATIN1
	both "CREATE TABLE e (tenant_id text, id int PRIMARY KEY, t text)"
	src8 "INSERT INTO e VALUES ('acme', 1, 'ü')"
	export PGCLIENTENCODING=SJIS LC_ALL=C
	sync --create-slot --snapshot
	PGCLIENTENCODING=LATIN2 sync --create-slot --snapshot
	src8 "INSERT INTO e VALUES ('acme', 2, 'éß')"
	sync --create-slot --snapshot
	same8
	equal "ü éß" "$(dst8 "SELECT string_agg(t, ' ' ORDER BY id) FROM e")"
}
