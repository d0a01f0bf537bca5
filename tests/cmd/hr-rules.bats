# hr-transform --rules: what hr-rules(5) refuses, with the place and the status,
# and what needs no server besides.

load ../lib

setup() {
	cd "$BATS_TEST_TMPDIR"
	(umask 077 && printf '%s\n' 0123456789abcdef0123456789abcdef >key)
}

# refuse STATUS PATTERN [STREAM [OPTION]...]: by the rules on stdin, with one
# line.  There are hundreds: nothing else is run for one.
refuse() {
	local status=0 text form='^hr-transform: error: [^[:cntrl:]]*[^[:cntrl:].]$'

	IFS= read -r -d '' text || true
	printf '%s' "$text" >r.yaml
	hr-transform --rules r.yaml "${@:4}" <"$STREAMS/passed/${3:-0010_insert}.hrs" >out 2>err || status=$?
	stderr=$(<err)
	[ $status = "$1" ] || fail "status $status, not $1:" "$text" "$stderr"
	[[ $stderr =~ $form && $stderr =~ $2 ]] || fail "not '$2':" "$text" "$stderr"
}

# A rule of public.orders (tenant text, id bigint, both the key; note text) is
# refused at LINE:COLUMN.  Its text is from 3:5 on.
bad() {				# PLACE PATTERN RULE [STREAM [OPTION]...]
	refuse 78 "r[.]yaml:$1: .*$2" "${@:4}" <<<"rules:
  - tables: public.orders
    $3"
}

# A mask of a column of public.everything, at 5:7, or elsewhere.
bad_mask() {			# PATTERN COLUMN MASK [PLACE]
	refuse 78 "r[.]yaml:${4:-5:7}: .*$1" 0050_values <<<"key: key
rules:
  - tables: public.everything
    mask:
      \"$2\": $3"
}

# rows RULES [STREAM [OPTION]...]: what becomes of the stream, as [op, row].
rows() {
	printf '%s\n' "$1" >r.yaml
	hr-transform --rules r.yaml "${@:3}" <"$STREAMS/passed/${2:-0010_insert}.hrs" >out
	hr-transform --dump <out |
	    jq -c 'select(.op and .op != "begin" and .op != "commit") | [.op, .new // .old // .key // .content]'
}

@test "a file that is no mapping of rules is refused with line and column" {
	refuse 78 'r[.]yaml:1:1: .*empty' <<<''
	refuse 78 'r[.]yaml:1:1: .*empty' <<<'# nothing'
	refuse 78 'r[.]yaml:1:1: .*mapping' <<<'[]'
	refuse 78 'r[.]yaml:1:1: .*mapping' <<<'rules'
	refuse 78 'r[.]yaml:1:1: not YAML: ' <<<$'\trules: []'
	refuse 78 'r[.]yaml:2:1: not YAML: ' <<<'{rules: ['
	refuse 78 'r[.]yaml:2:13: not YAML: .*UTF-8' <<<$'rules:\n  - tables: \xff'
	refuse 78 'r[.]yaml:3:1: ' <<<$'rules: []\nmessages: pass\n---\nrules: []'
	refuse 78 "r[.]yaml:1:8: 'rules' must be a list" <<<'rules: {}'
	refuse 78 "r[.]yaml:1:9: a rule must be a mapping" <<<'rules: [7]'
	run -78 --separate-stderr hr-transform --rules nowhere.yaml <"$STREAMS/passed/0010_insert.hrs"
	one_error hr-transform "'nowhere.yaml': No such file or directory"
	run -78 --separate-stderr hr-transform --rules / <"$STREAMS/passed/0010_insert.hrs"
	one_error hr-transform "'/': Is a directory"
}

@test "a file of more than 16 MB is refused, and one of less is read" {
	{ echo 'rules: []'; head -c 16777216 /dev/zero | tr '\0' '#'; } >large.yaml
	run -78 --separate-stderr hr-transform --rules large.yaml <"$STREAMS/passed/0010_insert.hrs"
	one_error hr-transform "large.yaml.*16"
	truncate -s 16777216 large.yaml
	hr-transform --rules large.yaml <"$STREAMS/passed/0010_insert.hrs" >out
}

@test "unknown keys, keys that are there twice, and values that do not fit are refused where they are" {
	refuse 78 "r[.]yaml:2:1: unknown key 'rulez'.*key, tables, messages, rules" <<<$'messages: pass\nrulez: []'
	refuse 78 "r[.]yaml:3:1: key 'rules' is there twice, first on line 1" <<<$'rules: []\nkey: key\nrules: []'
	refuse 78 "r[.]yaml:1:11: 'messages' .*pass leave-out" <<<'messages: maybe'
	refuse 78 "r[.]yaml:1:6: 'key' must be one value" <<<'key: [a]'
	refuse 78 "r[.]yaml:1:9: tables must be a mapping" <<<'tables: public.x'
	refuse 78 "r[.]yaml:1:10: unknown key 'drop'.*only, leave_out" <<<'tables: {drop: public.x}'
	refuse 78 "r[.]yaml:1:16: 'only' is empty" <<<'tables: {only: []}'
	refuse 78 "r[.]yaml:1:16: 'orders' is not a table.*schema[.]table" <<<'tables: {only: orders}'
	refuse 78 "r[.]yaml:2:5: .*'tables'" <<<$'rules:\n  - mask: {note: redact}'
	refuse 78 "r[.]yaml:2:13: 'orders' is not a table" <<<$'rules:\n  - tables: orders'
	refuse 78 "r[.]yaml:2:13: 'tables' is empty" <<<$'rules:\n  - tables: []'
	refuse 78 "r[.]yaml:2:13: 'tables' must be one value" <<<$'rules:\n  - tables: {public.orders: 1}'
	bad 3:5 "unknown key 'maks'.*mask, filter" "maks: {}"
	bad 3:14 "'tenants' is empty" "tenants: []"
	bad 3:11 "'mask' must be a mapping" "mask: []"
	bad 3:18 "must be one value" "mask: {note: [redact]}"
	bad 3:26 "column 'note' is there twice, first on line 3" "mask: {note: redact, note: redact}"
	bad 3:13 "'enrich' must be a mapping" "enrich: [a]"
	bad 3:14 "columns must be a mapping" "columns: [note]"
	bad 3:21 "'only' must be one value" "columns: {only: {}}"
	bad 3:15 "unknown key 'keep'" "columns: {keep: note}"
	bad 3:13 "'filter' is empty" 'filter: ""'
	bad 3:13 "'filter' must be one value" "filter: [id > 1]"
	bad 3:15 "'validate' must be a list" "validate: {column: note, required: true}"
	bad 3:17 "unknown key 'columns'" "validate: [{columns: note, required: true}]"
	bad 3:41 "'required' must be true or false, not 'perhaps'" "validate: [{column: note, required: perhaps}]"
	bad 3:58 "'otherwise' .*refuse park drop" "validate: [{column: note, required: true, otherwise: skip}]"
	bad 3:16 "column.*expression" "validate: [{required: true}]"
	bad 3:16 "column.*expression" "validate: [{column: note, expression: id > 1}]"
	bad 3:16 "nothing is checked" "validate: [{column: note}]"
}

@test "a mask is checked: its word, its options, and what they can be" {
	bad_mask "one of: hash tokenize service redact null generalize fake noise" "9 text" hsah 5:17
	bad_mask "one of: hash" "9 text" "{by: hsah}" 5:22
	bad_mask "'by'" "9 text" "{digits: 12}" 5:17
	bad_mask "unknown key 'salt'" "9 text" "{by: hash, salt: x}" 5:28
	bad_mask "7 digits" "9 text" "{by: hash, digits: 7}"
	bad_mask "64, not '65'" "9 text" "{by: hash, digits: 65}" 5:36
	bad_mask "digits" "31 uuid" "{by: hash, digits: 32}"
	bad_mask "plain is of hash" "9 text" "{by: redact, plain: true}" 5:17
	bad_mask "generalize" "9 text" "{by: hash, range: 7}" 5:17
	bad_mask "range, ages, unit, first and prefix" "8 int4" "{by: generalize}" 5:17
	bad_mask "just one" "8 int4" "{by: generalize, range: 10, ages: groups}" 5:17
	bad_mask "'range'.* not '0'" "8 int4" "{by: generalize, range: 0}" 5:41
	bad_mask "rising" "8 int4" "{by: generalize, ages: [30, 18]}" 5:17
	bad_mask "'ages'" "8 int4" "{by: generalize, ages: decades}" 5:17
	bad_mask "hour day week month quarter year decade" "23 date" "{by: generalize, unit: minute}" 5:18
	bad_mask "'first'" "9 text" "{by: generalize, first: 0}" 5:41
	bad_mask "0 to 32, not '33'" "20 inet" "{by: generalize, prefix: 33}" 5:43
	bad_mask "0 to 128, not '129'" "20 inet" "{by: generalize, prefix6: 129}" 5:44
	bad_mask "'as'" "9 text" "{by: fake}" 5:17
	bad_mask "name first_name last_name user email phone street city postcode address company iban card" \
	    "9 text" "{by: fake, as: pet}" 5:17
	bad_mask "no column 'nope'" "9 text" "{by: fake, as: name, of: nope}"
	bad_mask "at most 9" "9 text" "{by: fake, as: user, digits: 10}" 5:17
	bad_mask "'days'" "23 date" "{by: fake, days: 0}" 5:35
	bad_mask "'as'.*'days'" "9 text" "{by: fake, as: name, days: 3}" 5:17
	bad_mask "'scale'" "8 int4" "{by: noise}" 5:17
	bad_mask "'scale'" "8 int4" "{by: noise, scale: -1}" 5:36
	bad_mask "laplace" "8 int4" "{by: noise, scale: 1, shape: gauss}" 5:46
	bad_mask "'min' is above 'max'" "8 int4" "{by: noise, scale: 1, min: 10, max: 1}"
	bad_mask "email" "9 text" "{by: tokenize, as: mail}" 5:17
	bad_mask "keep_domain" "9 text" "{by: tokenize, keep_domain: true}" 5:17
	bad_mask "'command'" "9 text" "{by: service}" 5:17
	bad_mask "'batch'" "9 text" "{by: service, command: cat, batch: 0}" 5:52
	bad_mask "'domain'" "9 text" "{by: hash, domain: [a, b]}" 5:36
}

@test "a mask on a type that it cannot take is refused, and says what it takes" {
	local mask column

	for mask in hash tokenize "{by: service, command: cat}" redact "{by: generalize, range: 10}" \
	    "{by: generalize, ages: groups}" "{by: generalize, unit: month}" "{by: generalize, first: 1}" \
	    "{by: generalize, prefix: 8}" "{by: fake, as: name}" "{by: fake, days: 10}" "{by: noise, scale: 1}"; do
		for column in "1 bool" "18 money" "24 time" "33 jsonb"; do
			bad_mask "column '$column' is .* cannot mask; it takes " "$column" "$mask"
		done
	done
	bad_mask "it takes text, varchar, char, citext, uuid, bytea and bigint" "8 int4" hash
	bad_mask "it takes text" "20 inet" tokenize
	bad_mask "it takes text" "31 uuid" "{by: tokenize, as: email}"
	bad_mask "it takes inet and cidr" "9 text" "{by: generalize, prefix: 8}"
	bad_mask "it takes date" "9 text" "{by: generalize, unit: year}"
	bad_mask "it takes text" "6 int8" "{by: fake, as: name}"
	bad_mask "it takes smallint" "9 text" "{by: noise, scale: 1}"
	bad_mask "a text that is no integer" "8 int4" "{by: redact, text: abc}"
	refuse 78 'r[.]yaml:4:11: .*_int4' 0051_arrays <<<$'rules:\n  - tables: public.everything\n    mask:\n          1 _int4: redact'
}

@test "a mask that makes one of different keys is refused, or intended" {
	local mask

	bad 3:12 "column 'id' .*replica identity" "mask: {id: null}"
	for mask in "{by: generalize, range: 10}" "{by: noise, scale: 5}" "{by: redact, text: 7}"; do
		bad 3:12 "column 'id' .*replica identity.*'intended: true'" "mask: {id: $mask}" 0010_insert --key key
	done
	[ "$(rows 'rules: [{tables: public.orders, mask: {id: {by: generalize, range: 10, intended: true}}}]')" = \
	    '["insert",{"tenant":"acme","id":0,"note":"first"}]' ]
}

@test "the tenant and the identity can neither be masked nor left out" {
	bad 3:12 "column 'tenant' .*tenant a row is of" "mask: {tenant: redact}"
	bad 3:12 "column 'tenant' .*tenant a row is of" "mask: {tenant: {by: redact, intended: true}}"
	bad '[23]:[0-9]+' "column 'id' .*replica identity.*left out" "columns: {leave_out: id}"
	bad '[23]:[0-9]+' "column '(id|tenant)' .*left out" "columns: {only: note}"
	bad '[23]:[0-9]+' "column 'tenant' .*left out" 'columns: {leave_out: "t*"}'
	# By which a row finds its tenant.
	refuse 78 "r[.]yaml:1:51: .*'order_id'" 0026_parent <<<'{key: key, rules: [{tables: public.items, mask: { order_id: {by: tokenize, intended: true}}}]}'
	refuse 78 "r[.]yaml:1:[0-9]+: .*'order_id'" 0026_parent <<<'rules: [{tables: public.items, columns: {leave_out: order_*}}]'
}

@test "rules of some tenants are values only, and not of a table that all share" {
	refuse 78 "r[.]yaml:1:[0-9]+: .*tenants" <<<'rules: [{tables: public.orders, tenants: acme, columns: {leave_out: note}}]'
	refuse 78 "r[.]yaml:1:[0-9]+: .*tenants" <<<'rules: [{tables: public.orders, tenants: acme, enrich: {more: id}}]'
	refuse 78 "r[.]yaml:1:[0-9]+: .*public.countries.*shared" 0022_all_tenants \
	    <<<'rules: [{tables: public.*, tenants: acme, filter: 1 = 1}]'
}

@test "columns that are not there, and those that are there already, are refused where they are named" {
	bad 3:12 "public.orders has no column 'nope'" "mask: {nope: redact}"
	bad 3:13 "no column 'nope'" "filter: nope = 1"
	bad 3:14 "no column 'nope'" "enrich: {more: upper(nope)}"
	bad 3:16 "no column 'nope'" "validate: [{column: nope, required: true}]"
	bad 3:16 "no column 'nope'" "validate: [{expression: nope > 1}]"
	bad 3:14 "column 'note' already" "enrich: {note: upper(note)}"
}

@test "expressions that are not of SQL, or not the same each time, are refused with line, column and character" {
	bad 3:13 "character 6: '='" "filter: id = = 1"
	bad 3:13 "character 6: " 'filter: "id > "'
	bad 3:13 "boolean is needed, not text" "filter: note"
	bad 3:13 "boolean is needed, not bigint" "filter: id + 1"
	bad 3:13 "cannot compare text with integer" "filter: note > 1"
	bad 3:13 "lower[(]bigint[)]" "filter: lower(id) = '1'"
	bad 3:13 "'count'" "filter: count(id) > 1"
	bad 3:13 "'select'" "filter: id > (select 1)"
	bad 3:13 "regular expression" "filter: note ~ '('"
	bad 3:13 "'now' is not the same each time" "filter: now() > '2020-01-01'"
	bad 3:13 "'random' is not the same each time" "filter: random() > 0.5"
	bad 3:14 "'clock_timestamp' is not the same each time" "enrich: {at: clock_timestamp()}"
	bad 3:14 '\$nope' 'enrich: {x: $nope}'
	bad 3:14 "type integer .*type text" "enrich: {x: {value: note, type: integer}}"
	bad 3:14 "'nonsense'" "enrich: {x: {value: id, type: nonsense}}"
	bad 3:16 "boolean is needed" "validate: [{expression: note}]"
	bad 3:16 "a text that is no bigint" "validate: [{column: id, min: abc}]"
	bad 3:16 "regular expression" "validate: [{column: note, pattern: (}]"
	bad 3:16 "bigint" "validate: [{column: id, pattern: a}]"
	bad 3:16 "'note' .*is text, not integer" "validate: [{column: note, type: integer}]"
}

@test "what an operation is, and its transaction, a filter cannot ask" {
	local v

	for v in "op = 'insert'" "xid > 1" "lsn IS NULL" "commit_time > '2020-01-01'"; do
		bad 3:13 '\$tenant, \$schema and \$table' "filter: \$$v"
	done
	[ "$(rows 'rules: [{tables: public.orders, filter: $tenant || $schema || $table = '\''acmepublicorders'\''}]')" = \
	    '["insert",{"tenant":"acme","id":1,"note":"first"}]' ]
	[ "$(rows 'rules: [{tables: public.orders, enrich: {v: "$op || '\'' '\'' || $xid || '\'' '\'' || $commit_time"}}]' |
	    jq -r '.[1].v')" = "insert 740 2026-01-31 09:10:11.123456+00" ]
}

@test "an expression that fails for a row ends it, with the table and the column" {
	refuse 77 "public.orders: .*division by zero" <<<'rules: [{tables: public.orders, filter: id / 0 = 1}]'
	refuse 77 "public.orders: column 'x': division by zero" <<<'rules: [{tables: public.orders, enrich: {x: id / (id - 1)}}]'
	refuse 77 "public.orders: column 'x': .*integer" <<<'rules: [{tables: public.orders, enrich: {x: "note::int"}}]'
	refuse 77 "public.orders: column 'x': .*out of range" <<<'rules: [{tables: public.orders, enrich: {x: id + 9223372036854775807}}]'
	# What was written is no whole stream.
	run -65 hr-transform <out
	# A value that was not sent: REPLICA IDENTITY FULL is the way out.
	refuse 77 "public.orders: .*did not send.*ALTER TABLE public.orders REPLICA IDENTITY FULL" 0013_unchanged_toast \
	    <<<'rules: [{tables: public.orders, enrich: {x: upper(note)}}]'
}

@test "a mask with the key needs one, from the file of rules or the options, which count more" {
	local h='rules: [{tables: public.orders, mask: {note: hash}}]' with

	refuse 78 'r[.]yaml:1:40: .*key.*--key' <<<"$h"
	with=$(rows "$h" 0010_insert --key key)
	[[ $with =~ \"note\":\"[0-9a-f]{64}\" ]]
	[ "$(rows "{key: key, $h}")" = "$with" ]
	[ "$(rows "$h" 0010_insert --key-fd 7 7<key)" = "$with" ]
	[ "$(rows "{key: nowhere, $h}" 0010_insert --key key)" = "$with" ]
	[ "$(rows "{key: nowhere, $h}" 0010_insert --key-fd 7 7<key)" = "$with" ]
	# Beside the file of rules, wherever one is.
	mkdir sub
	cp -p key sub/other
	echo "{key: other, $h}" >sub/r.yaml
	hr-transform --rules sub/r.yaml <"$STREAMS/passed/0010_insert.hrs" | cmp out -
	# The same key, in other words.
	(umask 077 && printf 'hex:%s\n' "$(xxd -p -c 99 <(printf 0123456789abcdef0123456789abcdef))" >hex)
	(umask 077 && printf 'base64:%s\n' "$(printf 0123456789abcdef0123456789abcdef | base64 -w 0)" >base64)
	[ "$(rows "{key: hex, $h}")" = "$with" ]
	[ "$(rows "{key: base64, $h}")" = "$with" ]
	# Another key, other values; none that was plain.
	(umask 077 && printf 0123456789abcdef >least)
	[ "$(rows "{key: least, $h}")" != "$with" ]
	[ "$(rows 'rules: [{tables: public.orders, mask: {note: {by: hash, plain: true}}}]')" = \
	    "[\"insert\",{\"tenant\":\"acme\",\"id\":1,\"note\":\"$(printf first | sha256sum | cut -c 1-64)\"}]" ]
}

@test "a key that others may read, or that is none, is refused" {
	local h='rules: [{tables: public.orders, mask: {note: hash}}]' mode

	for mode in 640 604 622 610; do
		chmod $mode key
		refuse 78 "'key': .*0$mode; .*chmod 600" 0010_insert <<<"{key: key, $h}"
		refuse 78 "'key': .*0$mode; .*chmod 600" 0010_insert --key key <<<"$h"
	done
	refuse 78 "'nowhere': No such file or directory" 0010_insert --key nowhere <<<"$h"
	refuse 78 "descriptor 9: .*Bad file descriptor" 0010_insert --key-fd 9 <<<"$h"
	refuse 78 "'/'.*directory" 0010_insert --key / <<<"$h"
	umask 077
	printf 0123456789abcde >short
	refuse 78 "'short': .*15 bytes.*16 to 4096" 0010_insert --key short <<<"$h"
	printf hex:0011223344 >short
	refuse 78 "'short': .*5 bytes.*16 to 4096" 0010_insert --key short <<<"$h"
	head -c 4097 /dev/zero | tr '\0' k >long
	refuse 78 "'long': .*4097 bytes" 0010_insert --key long <<<"$h"
	head -c 4096 /dev/zero | tr '\0' k >long
	rows "$h" 0010_insert --key long >rows
	printf hex:0011223344556677889900112233445566778899zz >none
	refuse 78 "'none': .*hexadecimal" 0010_insert --key none <<<"$h"
	printf 'base64:!!!!' >none
	refuse 78 "'none': .*base64" 0010_insert --key none <<<"$h"
}

@test "the key's bytes are in no message" {
	local h='rules: [{tables: public.orders, mask: {note: hash}}]'

	(umask 077 && printf 'hex:veryverysecretkey' >none)
	refuse 78 hexadecimal 0010_insert --key none <<<"$h"
	! grep -qi secret err
	refuse 78 "1:1: " <<<'veryverysecretkey'
}

@test "options of rules go with rules" {
	local one=$STREAMS/passed/0010_insert.hrs options

	echo 'rules: []' >r.yaml
	for options in --check --dry-run "--key key" "--key-fd 0" "--dead-letters d" "--rules r.yaml --dump" \
	    "--rules r.yaml --check --dry-run" "--rules r.yaml --key key --key-fd 0" "--rules r.yaml --key-fd x" --rules; do
		# shellcheck disable=SC2086 # words
		run -64 --separate-stderr hr-transform $options <"$one"
		[ -z "$output" ]
		[[ $stderr == *"usage: hr-transform"* ]] || fail "$options: $stderr"
	done
	run -74 --separate-stderr hr-transform --rules r.yaml --dead-letters nowhere/d <"$one"
	one_error hr-transform "'nowhere/d': No such file or directory"
}

@test "a packed stream is refused, because its rows cannot be seen" {
	hr-compress <"$STREAMS/passed/0050_values.hrs" >packed
	hr-transform --dump <packed | grep -q '"frame":"block"'
	echo 'rules: [{tables: public.everything, mask: {9 text: redact}}]' >r.yaml
	for options in "" --check --dry-run; do
		# shellcheck disable=SC2086 # words
		run -64 --separate-stderr hr-transform --rules r.yaml $options <packed
		one_error hr-transform "frame 2 at byte [0-9]+: the stream is packed.*; .*hr-compress -d"
	done
	hr-compress -d <packed | hr-transform --rules r.yaml | hr-compress | hr-compress -d | hr-transform --dump |
	    grep -q '"9 text":"[*][*][*]"'
}

@test "a row that does not meet a check is refused, left out, or parked where there is a file" {
	local check='{column: note, values: [second, third]'

	refuse 77 "public.orders: column 'note'" <<<"rules: [{tables: public.orders, validate: [$check}]}]"
	refuse 77 "public.orders: column 'note'" <<<"rules: [{tables: public.orders, validate: [$check, otherwise: refuse}]}]"
	[ -z "$(rows "rules: [{tables: public.orders, validate: [$check, otherwise: drop}]}]")" ]
	refuse 78 "parked.*--dead-letters" <<<"rules: [{tables: public.orders, validate: [$check, otherwise: park}]}]"
	[ -z "$(rows "rules: [{tables: public.orders, mask: {note: redact}, validate: [$check, otherwise: park}]}]" \
	    0010_insert --dead-letters dead)" ]
	[ "$(jq -c '[.tenant, .schema, .table, .op, .row]' dead)" = \
	    '["acme","public","orders","insert",{"tenant":"acme","id":1,"note":"***"}]' ]
	[[ $(jq -r .reason dead) == *note* ]]
	! grep -q first dead
	# More is put behind what there is, and nobody else may read it.
	rows "rules: [{tables: public.orders, validate: [$check, otherwise: park}]}]" 0010_insert --dead-letters dead
	[ "$(wc -l <dead)" = 2 ]
	[ "$(stat -c %a dead)" = 600 ]
}

@test "a file to look up in is CSV with a line of names, or refused with its line" {
	lookup() {		# PATTERN CSV [BY [GIVE]]
		printf "$2" >t.csv
		refuse 78 "r[.]yaml:1:43: .*$1" \
		    <<<"rules: [{tables: public.orders, enrich: { x: {lookup: t.csv, key: id, by: ${3:-code}, give: ${4:-name}}}}]"
	}
	lookup "t.csv:1: .*empty" ""
	lookup "t.csv:1: .*'nope'" 'code,name\n1,one\n' nope
	lookup "t.csv:1: .*'nope'" 'code,name\n1,one\n' code nope
	lookup "t.csv:3: .*number of fields" 'code,name\n1,one\n2\n'
	lookup "t.csv:2: .*number of fields" 'code,name\n1,one,more\n'
	lookup "t.csv:2: .*behind a field in quotes" 'code,name\n1,"one"x\n'
	lookup "t.csv:[23]: .*quote" 'code,name\n1,"one\n'
	rm t.csv
	refuse 78 "r[.]yaml:1:42: .*'t.csv': No such file or directory" \
	    <<<"rules: [{tables: public.orders, enrich: {x: {lookup: t.csv, key: id, by: code, give: name}}}]"
	bad 3:17 "'key', 'by' and 'give'" "enrich: {x: {lookup: t.csv, key: id, by: code}}"
	bad 3:17 "'key', 'by' and 'give'" "enrich: {x: {lookup: t.csv, value: id}}"
	printf 'name,code\r\n"o""n,\ne",1\r\nnobody,\r\n' >t.csv
	[ "$(rows "rules: [{tables: public.orders, enrich: {x: {lookup: t.csv, key: id, by: code, give: name}}}]" |
	    jq -c '.[1].x')" = '"o\"n,\ne"' ]
	[ "$(rows "rules: [{tables: public.orders, enrich: {x: {lookup: t.csv, key: id + 1, by: code, give: name}}}]" |
	    jq -c '.[1].x')" = null ]
}

@test "an aggregation that makes no sense is refused" {
	local it='into: t, group_by: tenant' state=(0010_insert --state st)

	bad 3:16 "'aggregate' is empty" 'aggregate: []'
	bad 3:16 'an aggregation must be a mapping' 'aggregate: 7'
	bad 3:16 "an aggregation has no 'into'" 'aggregate: {values: {n: count}, group_by: tenant}'
	bad 3:16 "an aggregation has no 'values'" "aggregate: {$it}"
	bad 3:16 "neither 'group_by' nor 'window'" 'aggregate: {into: t, values: {n: count}}'
	bad 3:16 "'t[.]' is not a table" 'aggregate: {into: t., group_by: tenant, values: {n: count}}'
	bad 3:16 "'values' is empty" "aggregate: {$it, values: {}}"
	bad 3:56 "'sum' is not an aggregate function" "aggregate: {$it, values: {n: sum}}"
	bad 3:56 "'sum[(]id' is not" "aggregate: {$it, values: {n: sum(id}}"
	bad 3:56 "'median[(]id[)]' is not" "aggregate: {$it, values: {n: median(id)}}"
	bad 3:80 "'size' must be an interval of days or less, not '1 month'" \
	    'aggregate: {into: t, values: {n: count}, append_only: true, window: {size: 1 month}}'
	bad 3:78 "'every' must be an interval" "aggregate: {$it, values: {n: count}, emit: {every: 0 s}}"
	bad 3:16 "there is no 'window'" "aggregate: {$it, values: {n: count}, emit: window}"
	bad 2:5 'for all tenants alike' "tenants: acme
    aggregate: {$it, values: {n: count}}"
	refuse 78 'no place for what is known of them; give a directory as --state' <<-YAML
	rules: [{tables: "*", aggregate: {$it, values: {n: count}}}]
	YAML
	# What a table says to it.
	bad 3:16 'max cannot take back rows' "aggregate: {$it, values: {n: max(id)}}" "${state[@]}"
	bad 3:16 "old rows of 'public.orders' do not come whole" \
	    'aggregate: {into: t, group_by: note, values: {n: count}}' "${state[@]}"
	bad 3:16 "two columns of 'public.t' are called 'n'" 'aggregate: {into: t, group_by: {n: tenant}, values: {n: count}}' \
	    "${state[@]}"
	bad 3:16 "no column 'nothing'" 'aggregate: {into: t, group_by: nothing, values: {n: count}}' "${state[@]}"
	bad 3:16 "'[$]lsn' is of the transaction" 'aggregate: {into: t, group_by: {x: $lsn}, values: {n: count}}' "${state[@]}"
	bad 3:16 'windows by the time of the commit' 'aggregate: {into: t, window: 1 hour, values: {n: count}}' "${state[@]}"
	bad 3:16 'more than 1000 windows' 'aggregate: {into: t, window: {size: 1 s, slide: 1 us}, append_only: true, values: {n: count}}' \
	    "${state[@]}"
	bad 3:16 "filter 'note': .*boolean is needed" "aggregate: {$it, values: {n: {value: count, filter: note}}}" "${state[@]}"
}

@test "two tables that are made are two, and rules that change are not the old ones" {
	local twice='rules: [{tables: public.orders, aggregate: [{into: t, group_by: tenant, values: {n: count}},
	    {into: public.t, group_by: tenant, values: {n: count}}]}]'

	echo "$twice" >r.yaml
	run -78 --separate-stderr hr-transform --rules r.yaml --state st <"$STREAMS/passed/0010_insert.hrs"
	[[ $stderr = *'are aggregated into one table, public.t' ]]
	rm -r st
	counted
	sed -i 's/n: count/n: sum(id)/' r.yaml
	run -78 --separate-stderr hr-transform --rules r.yaml --state st <"$STREAMS/passed/0010_insert.hrs"
	[[ $stderr = *'other rules'* ]] || fail "$stderr"
}

# Aggregate the stream's rows, of which a state is left in st.
counted() {
	echo 'rules: [{tables: public.orders, aggregate: {into: t, group_by: tenant, values: {n: count}}}]' >r.yaml
	hr-transform --rules r.yaml --state st <"$STREAMS/passed/0010_insert.hrs" >out
	hr-transform --dump <out | jq -c 'select(.op == "put") | .new' >puts
	[ "$(cat puts)" = '{"tenant":"acme","n":1}' ]
}

# broken FILE STATUS PATTERN: with bytes of stdin in that file of the state.
broken() {
	cp -r st bad
	cat >"bad/$1"
	run -"$2" --separate-stderr hr-transform --rules r.yaml --state bad <"$STREAMS/passed/0010_insert.hrs"
	[[ $stderr =~ $3 ]] || fail "$1: $stderr"
	rm -r bad
}

@test "a stream that comes again changes no state, and makes what it made" {
	counted
	cp -r st before
	counted
	diff -r st before
}

@test "a state that is damaged, of another stream or too old is refused" {
	counted
	broken position 74 'not what hr-transform wrote' <<<'x'
	broken position 77 'are of the stream other' <<<"$(jq -c '.stream = "other"' st/position)"
	broken position 77 'up to 0/1500130 on timeline 2, and the stream is of timeline 1' <<<"$(jq -c '.timeline = 2' st/position)"
	broken position 77 'begins at 0/1500000, and the states in .* end at 0/1000: what is between is lost' \
	    <<<"$(jq -c '.lsn = "0/1000" | .states = {}' st/position)"
	broken position 77 'public.t.state. was saved at 0/1600000, and is an older one' \
	    <<<"$(jq -c '.states["public.t"] = "0/1600000"' st/position)"
	cp -r st bad
	rm bad/position
	run -74 --separate-stderr hr-transform --rules r.yaml --state bad <"$STREAMS/passed/0010_insert.hrs"
	[[ $stderr = *'and not the file that says how far they go'* ]]
	rm -r bad
	cp -r st bad
	rm bad/public.t.state
	run -77 --separate-stderr hr-transform --rules r.yaml --state bad <"$STREAMS/passed/0010_insert.hrs"
	[[ $stderr = *"public.t.state' was saved at 0/1500130, and is not there"* ]]
	rm -r bad
	broken public.t.state 74 '' <<<'x'
	broken public.t.state 74 '' <<<"$(head -c 40 st/public.t.state | tr '\0' x)"
	broken public.orders.relation 74 'not what hr-transform wrote' <<<'{"relation":"4"}'
	broken public.orders.relation 65 '' <<<'{"relation":"4444"}'
	touch file
	run -74 --separate-stderr hr-transform --rules r.yaml --state file <"$STREAMS/passed/0010_insert.hrs"
	run -74 --separate-stderr hr-transform --rules r.yaml --state nowhere/st <"$STREAMS/passed/0010_insert.hrs"
	[[ $stderr = *'nowhere/st'* ]]
	run -64 --separate-stderr hr-transform --rules r.yaml --checkpoint cp <"$STREAMS/passed/0010_insert.hrs"
	run -64 --separate-stderr hr-transform --rules r.yaml --state st --check <"$STREAMS/passed/0010_insert.hrs"
}

@test "rules that meet nothing change nothing but the head" {
	local f

	for f in 0010_insert 0011_update_key 0012_update_full 0013_unchanged_toast 0014_delete 0018_text_values \
	    0020_two_tenants 0021_split_transaction 0022_all_tenants 0023_relation_changed 0024_tenant_names 0025_ordered \
	    0026_parent 0031_snapshot 0033_sequence 0034_fence 0035_join 0040_unknown_type 0050_values 0051_arrays 0052_strange_values; do
		echo 'rules: [{tables: nowhere.*, mask: {note: redact}}]' >r.yaml
		hr-transform --rules r.yaml <"$STREAMS/passed/$f.hrs" >out || fail "$f: status $?"
		diff -a <(hr-transform --dump <out | grep -av '"frame":"\(head\|end\)"') \
		    <(grep -av '"frame":"\(head\|end\)"' "$STREAMS/passed/$f.txt") || fail "$f"
	done
	hr-transform --dump <out | jq -es '.[0].via == ["hr-capture 0.1.0", "hr-transform '"$(hr-transform --version | sed 's/.* //')"'"]'
}

@test "a stream is the same by rules in each of the five sizes" {
	cat >r.yaml <<-'YAML'
	key: key
	rules:
	  - {tables: public.orders, mask: {note: hash}, filter: id = 1, enrich: {t: $tenant}}
	YAML
	for f in 0010_insert 0012_update_full 0021_split_transaction 0022_all_tenants; do
		sizes hr-transform --rules r.yaml <"$STREAMS/passed/$f.hrs" >out || fail "$f"
	done
}

@test "streams that are to fail fail by rules too" {
	local f

	echo 'rules: [{tables: "*", filter: 1 = 1}]' >r.yaml
	for f in "$STREAMS"/failed/00*.hrs; do
		run -65 --separate-stderr hr-transform --rules r.yaml <"$f"
		[ "$stderr" = "$(cat "${f%.hrs}.err")" ] || fail "$f:" "$stderr"
	done
}

@test "--check says what rules do with each table, and shows three rows; --dry-run shows all" {
	local before='{"tenant":"acme","id":1,"note":"first"}'

	echo 'rules: [{tables: public.orders, mask: {note: redact}, filter: id < 2, enrich: {t: $tenant}}]' >r.yaml
	hr-transform --rules r.yaml --check <"$STREAMS/passed/0022_all_tenants.hrs" >out
	grep -v '^{' out >said
	grep -q '^public.orders' said
	grep -q 'note.*redact' said
	grep -q 'filter' said
	grep -q '^	t	.*text' said
	grep -q '^public.countries' said
	grep '^{' out >lines
	[ "$(jq -c 'select(.table == "orders" and .before.id == 1) | [.tenant, .before, .after]' lines)" = \
	    "[\"acme\",$before,[{\"op\":\"insert\",\"row\":{\"tenant\":\"acme\",\"id\":1,\"note\":\"***\",\"t\":\"acme\"}}]]" ]
	[ "$(jq -c 'select(.table == "orders" and .before.id == 2) | .after' lines)" = '[]' ]
	hr-transform --rules r.yaml --dry-run <"$STREAMS/passed/0022_all_tenants.hrs" >all
	cmp lines all
	# Nothing is parked for a look.
	echo 'rules: [{tables: public.orders, validate: [{column: note, values: x, otherwise: park}]}]' >r.yaml
	hr-transform --rules r.yaml --check <"$STREAMS/passed/0010_insert.hrs" >out || fail "a check that parks: $?"
}
