# A stream of NATS as a queue, with a server that is killed, full, or unwilling.

load ../lib
load nats

# nats.c, which 'make tests' builds.
NATS=${O:-$ROOT/.build}/tool/nats

setup() {
	need nats-server
	need openssl
	[ -x "$NATS" ] || fail "no $NATS: make tests"
	run -64 "$NATS"
	cd "$BATS_TEST_TMPDIR" || return
	run "$NATS" make nats://127.0.0.1:1/S
	[ "$status" != 69 ] || skip "built without libnats"
	PORT=$(free_port)
	URL=nats://127.0.0.1:$PORT/S
}

teardown() {
	local file

	for file in "$BATS_TEST_TMPDIR"/*.pid; do
		[ ! -s "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
	done
}

# background NAME ARG...: the driver, with its output, messages and process id in files.
background() {
	local name=$1

	shift
	"$NATS" "$@" >"$name.out" 2>"$name.err" 3>&- 4>&- &
	echo $! >"$name.pid"
}

# finish NAME [STATUS]: it ends with it.
finish() {
	local status=0

	wait "$(cat "$1.pid")" || status=$?
	rm "$1.pid"
	[ $status = "${2:-0}" ] || fail "$1: status $status" "$(cat "$1.err")"
}

# lines FILE COUNT: it has so many lines by now.
lines() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

has_consumer() {
	[[ $(api CONSUMER.NAMES.S) == *'"consumers":["'* ]]
}

# exactly FILE COUNT [FIRST]: the numbers from FIRST, each once, in order, the
# stream's sequences growing.
exactly() {
	run -0 awk -v count="$2" -v first="${3:-1}" '
	$2 != first + NR - 1 { print "line " NR " has number " $2; exit 1 }
	$1 <= last { print "line " NR " has sequence " $1 " after " last; exit 1 }
	{ last = $1 }
	END { if (NR != count) { print NR " of " count; exit 1 } }' "$1"
}

@test "20000 messages arrive once and in order while the server is killed again and again" {
	local i

	server
	run -0 "$NATS" make "$URL"
	PACE_US=150 background consume consume "$URL" 20000
	PACE_US=150 background publish publish "$URL" 20000 100
	for i in 1 2 3 4; do
		sleep 0.7
		kill_server
		sleep 0.2
		restart
	done
	finish publish
	finish consume
	grep -q 'state: away' publish.err || fail "never away" "$(cat publish.err)"
	exactly consume.out 20000
	[ "$(tail -n 1 consume.out | cut -d' ' -f1)" = 20000 ] || fail "the stream has others too"
}

@test "a publisher that begins again adds nothing that is there" {
	server
	run -0 "$NATS" publish "$URL" 500 100
	run -0 "$NATS" publish "$URL" 700 100
	[ "$output" = "acknowledged 700" ]
	"$NATS" consume "$URL" 700 >out
	exactly out 700
	[ "$(tail -n 1 out | cut -d' ' -f1)" = 700 ]
}

@test "a publisher that is killed and a server that is killed with it: each message once" {
	server
	PACE_US=200 background publish publish "$URL" 5000 1000
	sleep 0.4
	kill -KILL "$(cat publish.pid)"
	kill_server
	restart
	run -0 "$NATS" publish "$URL" 6000 1000
	"$NATS" consume "$URL" 6000 >out
	exactly out 6000
	[ "$(tail -n 1 out | cut -d' ' -f1)" = 6000 ]
}

@test "a consumer that is killed before it acknowledges gets the same again, in order, marked" {
	server
	run -0 "$NATS" publish "$URL" 300 100
	run -0 "$NATS" consume "$URL" 100
	background consume consume "$URL" 1000 0
	wait_for 5 lines consume.out 200
	kill -KILL "$(cat consume.pid)"
	"$NATS" consume "$URL" 200 >out
	exactly out 200 101
	[ "$(cut -d' ' -f3 out | sort -u)" = 1 ]
}

@test "what is acknowledged too late does not come twice in a session" {
	server
	run -0 "$NATS" publish "$URL" 50 100
	ACK_WAIT=1 background consume consume "$URL" 51 0
	wait_for 5 lines consume.out 50
	sleep 1.5
	run -0 "$NATS" publish "$URL" 1 100 51
	finish consume
	exactly consume.out 51
}

@test "what is dropped as it comes leaves the stream, all but the last" {
	server
	run -0 "$NATS" make "$URL"
	background consume consume "$URL" 12 drop
	wait_for 5 has_consumer
	for n in {1..12}; do
		run -0 "$NATS" publish "$URL" 1 100 "$n"
		wait_for 5 lines consume.out "$n"
	done
	finish consume
	[[ $(api STREAM.INFO.S) =~ '"state":{"messages":1,' ]] || fail "$(api STREAM.INFO.S)"
}

@test "a second consumer takes over, and the first one says so" {
	server
	run -0 "$NATS" publish "$URL" 10 100
	background first consume "$URL" 1000
	wait_for 5 lines first.out 10
	background second consume "$URL" 1
	wait_for 5 one_error nats "another receiver took the consumer over" first.err
	finish first 77
	run -0 "$NATS" publish "$URL" 1 100 11
	finish second
	exactly second.out 1 10
}

@test "a consumer that somebody removes is made again" {
	server
	run -0 "$NATS" publish "$URL" 10 100
	background consume consume "$URL" 20
	wait_for 5 lines consume.out 10
	run -0 api CONSUMER.NAMES.S
	[[ $output =~ \"consumers\":\[\"([A-Za-z0-9_-]+)\"\] ]] || fail "$output"
	run -0 api "CONSUMER.DELETE.S.${BASH_REMATCH[1]}"
	[[ $output == *'"success":true'* ]] || fail "$output"
	run -0 "$NATS" publish "$URL" 10 100 11
	finish consume
	exactly consume.out 20
}

@test "a stream that somebody removes: its consumer says so, and goes on with another one" {
	server
	run -0 "$NATS" make "$URL"
	background consume consume "$URL" 10
	wait_for 5 has_consumer
	run -0 api STREAM.DELETE.S
	[[ $output == *'"success":true'* ]] || fail "$output"
	wait_for 5 grep -q 'state: unheard' consume.err
	run -0 "$NATS" publish "$URL" 10 100
	finish consume
	exactly consume.out 10
}

@test "a full stream: the publisher says so, waits, and loses nothing" {
	server
	MAX_BYTES=300000 background publish publish "$URL" 2000 1000
	wait_for 5 grep -q 'state: full it has [0-9]* of 300000 bytes' publish.err
	MAX_BYTES=300000 background consume consume "$URL" 2000
	finish publish
	finish consume
	exactly consume.out 2000
}

@test "smaller messages do not pass a large one that does not fit" {
	server
	MAX_BYTES=300000 "$NATS" publish "$URL" 100 2000
	MAX_BYTES=300000 background publish publish "$URL" 3 140000 101
	wait_for 5 grep -q 'state: full' publish.err
	background consume consume "$URL" 103
	finish publish
	finish consume
	exactly consume.out 103
}

@test "a stream that lost what it acknowledged is found out" {
	server
	PACE_US=2000 background publish publish "$URL" 3000 100
	sleep 0.5
	kill_server
	rm -rf js
	restart
	run -0 "$NATS" make "$URL"
	finish publish 75
	one_error nats "stream 'S': it ends at 0, but had acknowledged up to [0-9]+: messages are lost; start again" \
	    publish.err
}

@test "ids that the server has forgotten are found in the stream" {
	DUPLICATES=1
	export DUPLICATES
	server
	PACE_US=500 background publish publish "$URL" 4000 100
	sleep 0.5
	kill_server
	sleep 2
	restart
	finish publish
	"$NATS" consume "$URL" 4000 >out
	exactly out 4000
	[ "$(tail -n 1 out | cut -d' ' -f1)" = 4000 ]
}

@test "a second publisher is refused, and with shared streams both go on" {
	server
	PACE_US=1000 background first publish "$URL" 3000 100
	sleep 0.3
	PACE_US=1000 background second publish "$URL" 3000 100 10001
	finish first 77
	one_error nats "another publisher writes to it; stop the other one" first.err
	finish second
	SHARED=1 background first publish "$URL" 300 100 20001
	SHARED=1 background second publish "$URL" 300 100 30001
	finish first
	finish second
}

@test "a stream that would lose messages is refused with what mends it" {
	server
	run -0 "$NATS" make "$URL"
	PREFIX=other run -78 --separate-stderr "$NATS" make "$URL"
	one_error nats "stream 'S' has other subjects than 'other.>'; .*nats stream edit S --subjects 'other.>'"
	DUPLICATES=3600 run -78 --separate-stderr "$NATS" make "$URL"
	one_error nats "knows an id for 120 s only; nats stream edit S --dupe-window 3600s"
	PREFIX=S.x run -78 --separate-stderr "$NATS" make "${URL}2"
	one_error nats "stream 'S2': cannot make the stream: .*overlap.*; another stream has subjects"
	REPLICAS=3 run -78 --separate-stderr "$NATS" make "${URL}3"
	one_error nats "replicas > 1 not supported.*; 3 replicas need a cluster"
}

@test "a stream of somebody else's that would lose messages is refused" {
	local kept='"retention":"workqueue","storage":"file","discard":"new"' setting want number=0

	server
	while IFS='|' read -r setting want; do
		number=$((number + 1))
		run -0 api "STREAM.CREATE.L$number" "{\"name\":\"L$number\",\"subjects\":[\"L$number.>\"],$setting}"
		[[ $output == *'"config"'* ]] || fail "$output"
		run -78 --separate-stderr "$NATS" make "nats://127.0.0.1:$PORT/L$number"
		one_error nats "stream 'L$number' $want"
	done <<-END
	$kept,"max_age":3600000000000|drops messages by their age; nats stream edit L1 --max-age
	$kept,"max_msgs_per_subject":5|has a limit of messages for each subject; nats stream edit L2 --max-msgs-per-subject
	"retention":"limits","storage":"file","discard":"new"|is no work queue; .*nats stream rm L3
	"retention":"workqueue","storage":"memory","discard":"new"|is kept in memory; .*nats stream rm L4
	"retention":"workqueue","storage":"file","discard":"old"|discards old messages when it is full; nats stream edit L5 --discard new
	$kept,"no_ack":true|does not acknowledge; nats stream edit L6 --ack
	END
	[ $number = 6 ]
	run -0 api STREAM.CREATE.L7 "{\"name\":\"L7\",\"subjects\":[\"L7.>\"],$kept,\"max_msgs\":5}"
	run -0 "$NATS" make "nats://127.0.0.1:$PORT/L7"
}

@test "values: the last one is there, is seen when it changes, and after a restart" {
	server
	run -0 "$NATS" get "$URL" a.key
	[ "$output" = none ]
	background watch watch "$URL" a.key 3
	run -0 "$NATS" put "$URL" a.key one
	wait_for 5 lines watch.out 1
	run -0 "$NATS" put "$URL" "b key" other
	kill_server
	restart
	run -0 "$NATS" put "$URL" a.key two
	wait_for 5 lines watch.out 2
	run -0 "$NATS" put "$URL" a.key @1000000
	finish watch
	[ "$(tail -n 1 watch.out)" = "a.key 1000000 " ]
	run -0 "$NATS" get "$URL" "b key"
	[ "$output" = "5 other" ]
	run -78 --separate-stderr "$NATS" put "$URL" a.key @1048577
	one_error nats "value 'a.key' has 1048577 bytes, which are too many; .*"
}

@test "a message larger than the server or the stream takes is refused" {
	server
	MAX_BYTES=300000 run -78 --separate-stderr "$NATS" publish "${URL}2" 1 150000
	one_error nats "a message of 150000 bytes, and stream 'S2' has to hold two in 300000; nats stream edit S2 --max-bytes"
	run -78 --separate-stderr "$NATS" publish "$URL" 1 1048576
	one_error nats "a message of 1048576 bytes, and the server takes [0-9]+; raise max_payload"
}

@test "nobody there, and a server without JetStream" {
	run -75 --separate-stderr "$NATS" make "$URL"
	one_error nats "cannot connect to 127.0.0.1:$PORT: .*; see that nats-server runs there"
	server -
	run -78 --separate-stderr "$NATS" make "$URL"
	one_error nats "has no JetStream for this account; give it a jetstream section"
	run -64 --separate-stderr "$NATS" make nats://127.0.0.1
	one_error nats "no stream is named; write nats://127.0.0.1:4222/STREAM"
}

@test "a user, from the URL or the environment, or none" {
	server 'authorization { user: "u", password: "p@ss" }'
	run -78 --separate-stderr "$NATS" make "$URL"
	one_error nats "cannot connect to .*[Aa]uthori[sz]ation.*; set NATS_USER and NATS_PASSWORD, or"
	NATS_USER=u NATS_PASSWORD=wrong run -78 "$NATS" make "$URL"
	NATS_USER=u NATS_PASSWORD=p@ss run -0 "$NATS" make "$URL"
	NATS_PASSWORD=p@ss run -0 "$NATS" make "nats://u@127.0.0.1:$PORT/S"
	run -0 "$NATS" make "nats://u:p%40ss@127.0.0.1:$PORT/S"
}

@test "TLS: with the CA, with another, without, and with a certificate of one's own" {
	local tls=tls://127.0.0.1:$PORT/S

	certificates >/dev/null 2>&1
	server "tls { cert_file: '$PWD/server.pem', key_file: '$PWD/server.key' }"
	CA=ca.pem run -0 "$NATS" make "$tls"
	CA=ca.pem run -0 "$NATS" publish "$tls" 10 100
	CA=other.pem run -78 --separate-stderr "$NATS" make "$tls"
	one_error nats "cannot connect to 127.0.0.1:$PORT: TLS: .*; name the CA that signed"
	run -78 --separate-stderr "$NATS" make "$tls"
	one_error nats "; name the CA that signed"
	run -78 --separate-stderr "$NATS" make "$URL"
	one_error nats "; name the CA that signed"
	CA=none.pem run -78 --separate-stderr "$NATS" make "$tls"
	one_error nats "the CA's file 'none.pem': .*"
	kill_server
	server "tls { cert_file: '$PWD/server.pem', key_file: '$PWD/server.key', ca_file: '$PWD/ca.pem', verify: true }"
	CA=ca.pem run --separate-stderr "$NATS" make "$tls"
	[ "$status" = 78 ] || [ "$status" = 75 ]
	CA=ca.pem CERT=client.pem KEY=client.key run -0 "$NATS" make "$tls"
	kill_server
	server
	CA=ca.pem run -78 --separate-stderr "$NATS" make "$tls"
	one_error nats "the server has no TLS; give the server a tls section"
}

@test "a certificate for another host is refused" {
	certificates IP:127.0.0.2 >/dev/null 2>&1
	server "tls { cert_file: '$PWD/server.pem', key_file: '$PWD/server.key' }"
	CA=ca.pem run -78 --separate-stderr "$NATS" make "tls://127.0.0.1:$PORT/S"
	one_error nats "which has to have the name '127.0.0.1'"
}
