load ../lib
load ../pipe/pipe
load session

setup() {
	pair
	items
}

teardown() {
	unpair
}

# message TRANSACTIONAL TEXT
message() {
	echo "SELECT FROM pg_logical_emit_message($1, 'test', '$2')"
}

# The contents of the stream's messages, a comma between them.
messages() {
	jq -r 'select(.op == "message").content' dump | paste -sd ,
}

flushed() {
	[ "$(src "SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()")" = t ]
}

# The stream's dump.  Before 17 nothing brings a message that is not transactional
# to the disk at once, and what is not there is not sent.
told() {
	wait_for 10 flushed
	dump "$@"
}

@test "a transactional message keeps its place between begin and commit" {
	src "BEGIN; $(message true first); INSERT INTO items VALUES ('acme', 100);
	    $(message true second); COMMIT; $(message true alone)"
	told
	equal "message insert message message" \
	    "$(jq -r 'select(.op | IN("insert", "message")).op' dump | paste -sd ' ')"
	equal first,second,alone "$(messages)"
	jq -es 'map(select(.op == "message")) | all(.transactional and .all and .prefix == "test")' dump
	# Each between a begin and a commit of the transactions' order.
	jq -es 'map(select(.all and .op).op) | . == ["begin", "message", "message", "commit", "begin", "message", "commit"]
	    or . == ["begin", "message", "commit", "begin", "message", "commit", "begin", "message", "commit"]' dump
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a message that is not transactional outlives a rollback" {
	src "BEGIN; INSERT INTO items VALUES ('acme', 100); $(message false loose); $(message true bound); ROLLBACK"
	src "BEGIN; SAVEPOINT a; $(message false inner); ROLLBACK TO a; COMMIT"
	told
	equal loose,inner "$(messages)"
	jq -es 'map(select(.op == "message").transactional) == [false, false]' dump
	equal "" "$(jq -r 'select(.op == "insert" or .op == "begin").op' dump)"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a transactional message that was rolled back is not there" {
	src "BEGIN; $(message true gone); ROLLBACK"
	src "BEGIN; $(message true one); SAVEPOINT a; $(message true gone); ROLLBACK TO a; $(message true two); COMMIT"
	told
	equal one,two "$(messages)"
	sync
	same
}

@test "messages of streamed transactions" {
	small_memory
	session big
	in_session big "BEGIN; $(message true begins); $(rows acme 1001 2000); $(message false at-once)"
	src "INSERT INTO items VALUES ('globex', 101)"
	in_session big "SAVEPOINT a; $(rows acme 2001 3000); $(message true gone); $(message false stays); ROLLBACK TO a"
	in_session big "$(message true ends); COMMIT"
	told
	equal at-once,stays,begins,ends "$(messages)"
	jq -es 'map(select(.op == "message").transactional) == [false, false, true, true]' dump
	sync
	streamed
	same
	equal 1031 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "a message may hold any bytes, or none, or many" {
	src "SELECT FROM pg_logical_emit_message(true, '', '')"
	src "SELECT FROM pg_logical_emit_message(false, 'Präfix', 'Grüße, 東京')"
	src "SELECT FROM pg_logical_emit_message(true, 'bytes', '\\x00ff00'::bytea)"
	src "SELECT FROM pg_logical_emit_message(true, 'many', repeat('x', 3000000))"
	src "INSERT INTO items VALUES ('acme', 100)"
	told
	equal 4 "$(jq -c 'select(.op == "message")' dump | wc -l)"
	equal "Präfix Grüße, 東京" "$(jq -r 'select(.op == "message" and .transactional == false) | .prefix + " " + .content' dump)"
	equal 3000000 "$(jq -r 'select(.prefix == "many").content | length' dump)"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "messages change nothing at the target, and its position passes them" {
	local before
	src "BEGIN; $(message true a); $(message false b); COMMIT; $(message false c)"
	before=$(now)
	APPLY=(-j 2)
	sync
	same
	[ "$(src "SELECT confirmed_flush_lsn >= '$before' FROM pg_replication_slots WHERE slot_name = '$SLOT'")" = t ]
	src "INSERT INTO items VALUES ('acme', 100); $(message true d); INSERT INTO items VALUES ('globex', 101)"
	sync
	same
	equal 32 "$(count items)"
}

@test "messages are there whatever is published and whoever is chosen" {
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr"
	src "BEGIN; INSERT INTO items VALUES ('acme', 100); $(message true bound); COMMIT; $(message false loose)"
	told --tenant globex
	equal bound,loose "$(messages)"
	sync --tenant globex
	equal 30 "$(count items)"
}
