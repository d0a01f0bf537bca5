# hr-ship: options, statuses, certificates, cuts, and every stream there and back.

load ../lib
load ship

# stream.c, which 'make tests' builds: streams of the slot 'made'.
STREAM=${O:-$ROOT/.build}/tool/stream
one=$STREAMS/passed/0010_insert.hrs

setup() {
	[ -x "$STREAM" ] || fail "no $STREAM: make tests"
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	local file

	for file in "$BATS_TEST_TMPDIR"/*.pid; do
		[ ! -s "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
	done
}

# send NAME [OPTION]...: stdin to it.
send() {
	local name=$1

	shift
	timeout 30 hr-ship --to "${HOST:-127.0.0.1}:$(cat "$name.port")" "$@" 2>"$name.sent" 3>&-
}

# sent STATUS COMMAND...: the status of a sender.
sent() {
	local want=$1 got=0

	shift
	"$@" || got=$?
	[ "$got" = "$want" ] || fail "status $got, not $want: $*" "$(cat ./*.sent ./*.err)"
}

# authority [NAME]: a certificate that signs others.
authority() {
	need openssl
	openssl req -x509 -newkey ed25519 -noenc -days 2 -subj "/CN=${1:-hr}" \
	    -keyout "${1:-ca}.key" -out "${1:-ca}.pem" 2>/dev/null
}

# certificate NAME [SUBJECT ALTERNATIVE NAME [AUTHORITY]]
certificate() {
	openssl req -newkey ed25519 -noenc -subj "/CN=$1" ${2:+-addext "subjectAltName=$2"} \
	    -keyout "$1.key" -out "$1.csr" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA "${3:-ca}.pem" -CAkey "${3:-ca}.key" -days 1 \
	    -copy_extensions copy -out "$1.pem" 2>/dev/null
}

# tls NAME: the options for that certificate, into the array TLS.
tls() {
	TLS=(--tls-cert "$1.pem" --tls-key "$1.key" --tls-ca ca.pem)
}

# checkpoint SLOT EPOCH LSN: of a stream of stream.c, on stdout.
checkpoint() {
	local text crc=$((0xffffffff)) i k byte

	text=$(printf '%s\n' 'hr checkpoint 1' "stream $1" 'database made' 'system 7301234567890123456' \
	    'timeline 1' "epoch $2" 'state streaming' "lsn $3"; echo .)
	text=${text%.}
	for ((i = 0; i < ${#text}; i++)); do
		printf -v byte %d "'${text:i:1}"
		((crc ^= byte))
		for ((k = 0; k < 8; k++)); do
			((crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1))
		done
	done
	printf '%send %08x\n' "$text" $((crc ^ 0xffffffff))
}

# misuse WORDS OPTION...: 64, with these words first.
misuse() {
	local words=$1

	shift
	run -64 --separate-stderr timeout 10 hr-ship "$@" <"$one"
	[ "${stderr_lines[0]}" = "hr-ship: error: $words" ] || fail "$* said:" "${stderr_lines[0]}"
	[ -z "$output" ]
}

@test "each side has its options, and one side is needed" {
	local option

	misuse "one of --to, --listen, --archive, --from-archive, archive and reseal is needed"
	misuse "one of --to, --listen, --archive, --from-archive, archive and reseal is needed" --to h:1 --listen h:1
	misuse "'stream.hrs' is not an option" --to h:1 stream.hrs
	for option in "--by sender" "--connections 1" "--exec cat" "--hello-timeout 1" --once "--port-file f" \
	    "--tenant t" "--tenant-map m" "--until 0/1" --json; do
		# shellcheck disable=SC2086 # words
		misuse "${option%% *} does not go with --to" --to h:1 $option
	done
	for option in "--give-up 1" "--metrics f" "--tls-name n" "--window 1MB" "--spool d" "--qos f"; do
		# shellcheck disable=SC2086 # words
		misuse "${option%% *} does not go with --listen" --listen h:1 $option
	done
	misuse "archive takes list, verify or expire, and a directory" archive list
	misuse "archive takes list, verify or expire, not 'look'" archive look dir
	misuse "archive expire needs --keep-days, --keep-full or both" archive expire dir
	misuse "--drain needs --spool, which it empties" --to h:1 --drain
	misuse "--stream goes with --drain: otherwise standard input says which it is" --to h:1 --spool d --stream s
	misuse "--until is neither an LSN nor a time as 2026-01-31 10:30: 'noon'" --from-archive d --until noon
	misuse "--spool-max, --qos, --score and keys need --spool" --to h:1 --qos f
	run -64 timeout 10 hr-ship --listen
	run -64 timeout 10 hr-ship --no-such
}

@test "numbers and words are checked" {
	misuse "--timeout is not a number of seconds: '0'" --to h:1 --timeout 0
	misuse "--give-up is not a number of seconds: '1s'" --to h:1 --give-up 1s
	misuse "--hello-timeout is not a number of seconds: '-1'" --listen h:1 --hello-timeout -1
	misuse "--window is not a size from 1MB to 1TB: '1kB'" --to h:1 --window 1kB
	misuse "--window is not a size from 1MB to 1TB: '2000GB'" --to h:1 --window 2000GB
	misuse "--commands takes 1 to 1000000, not '0'" --listen h:1 --exec cat --commands 0
	misuse "--connections takes 1 to 100000, not '0'" --listen h:1 --connections 0
	misuse "--by takes sender or tenant, not 'table'" --listen h:1 --exec cat --by table
	misuse "--by tenant needs --exec" --listen h:1 --by tenant
	misuse "--ready-fd takes a descriptor, not 'x'" --to h:1 --ready-fd x
	misuse "--log-format takes text or json, not 'xml'" --to h:1 --log-format xml
	misuse "--checkpoint knows %s, %t and %%: 'a%d'" --listen h:1 --checkpoint a%d
	misuse "--checkpoint knows %s, %t and %%: 'a%'" --listen h:1 --checkpoint a%
}

@test "what is no address is said" {
	misuse "'localhost' is not HOST:PORT" --to localhost
	misuse "'h:' is not HOST:PORT" --to h:
	misuse "'::1:80' is not HOST:PORT; an IPv6 address stands in brackets: [::1]:5433" --to ::1:80
	misuse "--to needs a host: ':7411'" --to :7411
	misuse "--to needs a host: '*:7411'" --to '*:7411'
	run -64 --separate-stderr timeout 10 hr-ship --listen 127.0.0.1:no-such-service
	one_error hr-ship "cannot find '127.0.0.1:no-such-service': "
	run -64 --separate-stderr timeout 10 hr-ship --to 127.0.0.1:no-such-service <"$one"
	one_error hr-ship "cannot find '127.0.0.1:no-such-service': "
}

@test "a stream is not read from a terminal nor written to one" {
	need script
	run -0 script -qec 'timeout 10 hr-ship --to 127.0.0.1:1; echo $?' /dev/null
	[[ $output == *"the stream is not read from a terminal"*64* ]] || fail "$output"
	run -0 script -qec 'timeout 10 hr-ship --listen 127.0.0.1:0; echo $?' /dev/null
	[[ $output == *"standard output is a terminal, and a stream is binary: use a pipe"*64* ]] ||
	    fail "$output"
}

@test "TLS is whole, or not there" {
	local words="TLS needs --tls-cert, --tls-key and --tls-ca: both sides show who they are"

	misuse "$words" --to h:1 --tls-cert c --tls-key k
	misuse "$words" --to h:1 --tls-ca a
	misuse "$words" --listen h:1 --tls-key k --tls-ca a
	misuse "$words" --listen h:1 --tls-crl r
	misuse "--insecure is for plain TCP" --to h:1 --insecure --tls-cert c --tls-key k --tls-ca a
	misuse "--tenant-map is for certificates" --listen h:1 --tenant-map m
	misuse "--tls-name takes a name, and is for TLS" --to h:1 --tls-name n
	misuse "--tls-name takes a name, and is for TLS" --to h:1 --tls-name '' --tls-cert c --tls-key k --tls-ca a
}

# no_start PATTERN OPTION...: 78 at both sides.
no_start() {
	local pattern=$1 side

	shift
	for side in "--to 127.0.0.1:1" "--listen 127.0.0.1:0"; do
		# shellcheck disable=SC2086 # words
		run -78 --separate-stderr timeout 10 hr-ship $side "$@" <"$one"
		one_error hr-ship "$pattern"
	done
}

@test "files of TLS that cannot be used are 78" {
	authority
	certificate home
	certificate other
	no_start "cannot read TLS key 'none': No such file" --tls-cert home.pem --tls-key none --tls-ca ca.pem
	no_start "cannot read TLS certificate 'none': No such file" --tls-cert none --tls-key home.key --tls-ca ca.pem
	no_start "cannot read TLS authority 'none': No such file" --tls-cert home.pem --tls-key home.key --tls-ca none
	no_start "cannot read TLS revocation list 'none': No such file" --tls-cert home.pem --tls-key home.key --tls-ca ca.pem \
	    --tls-crl none
	mkdir dir
	no_start "cannot read TLS authority 'dir': Is a directory" --tls-cert home.pem --tls-key home.key --tls-ca dir
	no_start "cannot use TLS key 'other.key': key values mismatch" --tls-cert home.pem --tls-key other.key \
	    --tls-ca ca.pem
	no_start "cannot use TLS certificate 'home.key': " --tls-cert home.key --tls-key home.key --tls-ca ca.pem
	chmod 644 home.key
	no_start "TLS key 'home.key' is open to others than its owner: its mode is 0644; run 'chmod 600 home.key'" \
	    --tls-cert home.pem --tls-key home.key --tls-ca ca.pem
}

@test "a port that is taken is 74" {
	listen a
	run -74 --separate-stderr timeout 10 hr-ship --listen "127.0.0.1:$(cat a.port)"
	one_error hr-ship "cannot listen on 127.0.0.1:$(cat a.port): Address already in use"
	run -74 --separate-stderr timeout 10 hr-ship --listen 127.0.0.1:0 --port-file none/port
	one_error hr-ship "cannot write 'none/port': No such file or directory"
}

@test "beyond this host a stream is not carried in the clear" {
	local words="is not a loopback address, and the stream would cross the network in the clear; give --tls-cert, --tls-key and --tls-ca, or --insecure"

	run -77 --separate-stderr timeout 10 hr-ship --listen 0.0.0.0:0
	one_error hr-ship "0.0.0.0:0 $words"
	run -77 --separate-stderr timeout 10 hr-ship --listen :0
	run -77 --separate-stderr timeout 10 hr-ship --listen '[::]:0'
	# An address of documentation, RFC 5737: nobody is there.
	run -77 --separate-stderr timeout 10 hr-ship --to 192.0.2.1:7411 <"$one"
	one_error hr-ship "192.0.2.1:7411 $words"
	AT=0.0.0.0:0 listen a --insecure
	send a <"$one"
	ended a 0
	cmp "$one" a.out
	run -77 --separate-stderr timeout 10 hr-ship --to nats://192.0.2.1/q --spool spool <"$one"
	one_error hr-ship "192.0.2.1:0 $words"
	run -77 --separate-stderr timeout 10 hr-ship --listen nats://192.0.2.1/q --tenant t --checkpoint cp --exec true
	one_error hr-ship "192.0.2.1:0 $words"
	run -75 --separate-stderr timeout 20 hr-ship --to nats://127.0.0.1:1/q --spool spool --give-up 1 <"$one"
	run -75 --separate-stderr timeout 10 hr-ship --to 192.0.2.1:7411 --insecure --give-up 1 <"$one"
}

@test "an empty input is 65, and nobody is asked for" {
	run -65 --separate-stderr timeout 10 hr-ship --to 127.0.0.1:1 </dev/null
	[ "$stderr" = "hr-ship: error: the input is empty; look at what the stage before says" ]
	run -65 --separate-stderr timeout 10 hr-ship --to 127.0.0.1:1 <<<"no stream"
	one_error hr-ship .
}

@test "a stream that is cut is 65, and what was handed on has no end" {
	"$STREAM" 300 | head -c -1 >cut
	listen a --exec 'cat >a.got; hr-transform <a.got >/dev/null; echo $? >a.command'
	sent 65 send a <cut
	one_error hr-ship "ended after frame 305 without an end frame" a.sent
	wait_for 10 test -s a.command
	[ "$(cat a.command)" = 65 ]
	# All that was whole went.
	head -c "$(stat -c %s a.got)" cut | cmp a.got -
	[ "$(stat -c %s a.got)" -gt 50000 ]
	listen b
	sent 65 send b <cut
	ended b 65
	one_error hr-ship "ended after frame 305 without an end frame" b.err
	run -65 hr-transform <b.out
}

@test "every stream that is to fail fails, and nothing of it has an end" {
	local f

	listen a --exec 'cat >got'
	for f in "$STREAMS"/failed/00*.hrs; do
		rm -f got
		sent 65 send a <"$f"
		if [ -e got ]; then
			wait_for 10 grep -qE "its command ended before" a.err
			run -65 hr-transform <got
		fi
		: >a.err
	done
}

@test "without a receiver it tries again, and gives up when it was told to" {
	run -75 --separate-stderr timeout 20 hr-ship --to 127.0.0.1:1 --give-up 1 <"$one"
	[ "${stderr_lines[0]}" = "hr-ship: warning: not connected, trying again: cannot connect to 127.0.0.1:1: Connection refused" ]
	[ "${stderr_lines[1]}" = "hr-ship: error: no receiver for 1 s; look at '127.0.0.1:1'; nothing is lost" ]
	run -124 timeout 3 hr-ship --to 127.0.0.1:1 <"$one"
}

@test "a sender that was there first finds its receiver" {
	listen a
	kill "$(cat a.pid)"
	ended a 143
	send a --give-up 20 <"$one" &
	wait_for 10 grep -q "not connected" a.sent
	AT=127.0.0.1:$(cat a.port) listen a
	wait $!
	ended a 0
	cmp "$one" a.out
}

@test "every stream that passes arrives byte for byte" {
	local f

	listen all --exec 'cat >all.got'
	for f in "$STREAMS"/passed/*.hrs; do
		send all <"$f" || fail "$f: --exec: status $?"
		cmp "$f" all.got || fail "$f: --exec"
		listen a
		send a <"$f" || fail "$f: status $?"
		ended a 0
		cmp "$f" a.out || fail "$f"
	done
	run -1 grep -h warning all.sent a.sent
}

@test "every stream that passes arrives byte for byte through TLS" {
	local f

	authority
	certificate replica DNS:replica,IP:127.0.0.1
	certificate home 'URI:hr:tenant:*'
	tls replica
	listen all "${TLS[@]}" --exec 'cat >all.got'
	for f in "$STREAMS"/passed/*.hrs; do
		tls home
		send all "${TLS[@]}" <"$f" || fail "$f: --exec: status $?"
		cmp "$f" all.got || fail "$f: --exec"
	done
	tls replica
	listen a "${TLS[@]}" -v
	tls home
	send a "${TLS[@]}" -v <"$one"
	ended a 0
	cmp "$one" a.out
	grep -qE '^hr-ship: note: home connected from 127.0.0.1:[0-9]+, TLS_AES_256_GCM_SHA384$' a.err
	grep -qE '^hr-ship: note: connected to 127.0.0.1:[0-9]+, TLS_AES_256_GCM_SHA384$' a.sent
}

@test "a packed stream, one a byte at a time and one of large frames arrive" {
	"$STREAM" -b 1000000 20 >large
	listen a --exec 'cat >got'
	hr-compress <large >packed
	send a <packed
	cmp packed got
	send a <large
	cmp large got
	dd if="$one" bs=1 status=none | send a
	cmp "$one" got
}

@test "a command gets the stream, and whose it is" {
	listen a --checkpoint '%s.%t.cp' \
	    --exec 'cat >got; env | grep ^HR_ | grep -vE "^HR_(TEST|BIN)" >env; echo out'
	"$STREAM" 10 >made
	send a <made
	cmp made got
	sort env >sorted
	sed -i -E 's/^(HR_PEER=127.0.0.1):[0-9]+$/\1/' sorted
	diff - sorted <<-'END'
	HR_CHECKPOINT=made.all.cp
	HR_DATABASE=made
	HR_PEER=127.0.0.1
	HR_SLOT=made
	HR_SYSTEM=7301234567890123456
	HR_TENANT=
	END
	[ "$(cat a.out)" = out ]
}

@test "the status of a command is the sender's" {
	local code

	for code in 65 70 77 78; do
		listen a --exec "cat >/dev/null; exit $code"
		sent $code send a <"$one"
		one_error hr-ship "stream 'hr_shop': its command ended with status $code" a.sent
		kill "$(cat a.pid)"
		ended a 143
	done
	# What is none of ours, and a signal, may pass.
	listen a --exec 'cat >/dev/null; exit 1'
	sent 75 send a <"$one"
	kill "$(cat a.pid)"
	ended a 143
	listen a --exec 'kill -9 $$'
	sent 75 send a <"$one"
	one_error hr-ship "its command was ended by signal 9" a.sent
	kill "$(cat a.pid)"
	ended a 143
	listen a --exec 'head -c 100 >/dev/null'
	"$STREAM" -b 1000 10000 >large
	sent 75 send a <large
	one_error hr-ship "its command ended before the stream did|its reader has gone" a.sent
}

@test "--once ends with the first stream that has ended, as its command did" {
	listen a --exec 'cat >got' --once
	"$STREAM" 10 | head -c -1 >cut
	sent 65 send a <cut
	send a <"$one"
	ended a 0
	cmp "$one" got
	listen b --exec 'cat >/dev/null; exit 77' --once
	sent 77 send b <"$one"
	ended b 77
}

@test "two senders at a time have a command each" {
	# The second has come before the first goes on.
	listen a --exec 'cat >"$HR_SLOT.got"'
	mkfifo in
	send a <in 3>&- &
	exec 8>in
	head -c -48 "$one" >&8
	wait_for 10 test -s hr_shop.got
	"$STREAM" 1000 >made
	cp a.port b.port
	send b <made
	cmp made made.got
	tail -c 48 "$one" >&8
	exec 8>&-
	wait $!
	cmp "$one" hr_shop.got
}

@test "one sender has so many commands, and no more" {
	mkfifo in
	listen a --commands 1 --exec 'cat >"$HR_SLOT"'
	send a <in 3>&- &
	exec 8>in
	head -c -48 "$one" >&8
	wait_for 10 test -s hr_shop
	cp a.port b.port
	"$STREAM" 10 >made.hrs
	sent 75 send b --give-up 1 <made.hrs
	grep -q "'127.0.0.1' has 1 commands already; let the receiver have more --commands" b.sent
	[ ! -e made ]
	tail -c 48 "$one" >&8
	exec 8>&-
	wait_for 10 cmp "$one" hr_shop
	send b <made.hrs
	cmp made.hrs made
}

@test "standard output is for one stream" {
	listen a
	mkfifo in
	send a <in 3>&- &
	exec 8>in
	head -c -48 "$one" >&8
	wait_for 10 test -s a.out
	cp a.port b.port
	"$STREAM" 10 >made
	run -124 timeout 3 hr-ship --to "127.0.0.1:$(cat a.port)" <made
	[[ $output == *"standard output has another stream, 'hr_shop'; a receiver of many senders needs --exec"* ]]
	tail -c 48 "$one" >&8
	exec 8>&-
	wait $!
	ended a 0
	cmp "$one" a.out
}

@test "the port and the moment are told" {
	listen a --ready-fd 9 9>ready
	[[ $(cat a.port) =~ ^[0-9]+$ ]]
	[ "$(stat -c %s ready)" = 1 ]
	send a --ready-fd 9 9>sender <"$one"
	[ "$(stat -c %s sender)" = 1 ]
	run -75 timeout 10 hr-ship --to 127.0.0.1:1 --give-up 1 --ready-fd 9 9>nobody <"$one"
	[ ! -s nobody ]
}

@test "IPv6 is taken" {
	AT='[::1]:0' listen a -v
	HOST='[::1]' send a -v <"$one"
	ended a 0
	cmp "$one" a.out
	grep -qE '^hr-ship: note: connected to \[::1\]:[0-9]+$' a.sent
}

@test "a port that is free is the same for all addresses" {
	AT=:0 listen a --insecure --exec 'cat >got'
	HOST=127.0.0.1 send a <"$one"
	cmp "$one" got
	rm got
	HOST='[::1]' send a --give-up 2 <"$one"
	cmp "$one" got
}

@test "what is quiet goes on at once" {
	mkfifo in
	listen a
	send a <in 3>&- &
	exec 8>in
	head -c -48 "$one" >&8
	wait_for 10 cmp -n $(($(stat -c %s "$one") - 48)) "$one" a.out
	tail -c 48 "$one" >&8
	exec 8>&-
	wait $!
	cmp "$one" a.out
}

@test "a receiver that stands still is noticed, and the stream goes on where it was" {
	local pid

	"$STREAM" 3000 >want
	listen a --exec 'cat >got'
	pid=$(pgrep -P "$(cat a.pid)")
	"$STREAM" -r 500 3000 | send a -v --timeout 1 &
	wait_for 10 test -s got
	kill -STOP "$pid"
	wait_for 10 grep -q "not connected, trying again: nothing came from 127.0.0.1:[0-9]* for 1" a.sent
	kill -CONT "$pid"
	wait $!
	cmp want got
	grep -qE "connected to 127.0.0.1:[0-9]+ again after" a.sent
}

@test "a sender that stands still is noticed, and its stream goes on" {
	local sender

	"$STREAM" 3000 >want
	listen a --exec 'cat >got' --timeout 1
	mkfifo in
	hr-ship --to "127.0.0.1:$(cat a.port)" --give-up 20 <in 2>a.sent 3>&- &
	sender=$!
	echo $sender >sender.pid
	"$STREAM" -r 500 3000 >in 3>&- &
	wait_for 10 test -s got
	kill -STOP $sender
	wait_for 10 grep -q "nothing came from 127.0.0.1:[0-9]* for 1" a.err
	kill -CONT $sender
	wait $sender
	cmp want got
}

@test "a sender begun anew has its command begun anew, and standard output ends" {
	"$STREAM" 2000 >whole
	listen a --exec 'cat >got.$$; ls got.* >>gots; cp got.$$ last'
	(head -c 200000 whole; sleep 3) | timeout -s KILL 2 hr-ship --to "127.0.0.1:$(cat a.port)" || true
	[ ! -e gots ]
	send a <whole
	[ "$(sort -u gots | wc -l)" = 2 ]
	cmp whole last
	listen b
	(head -c 200000 whole; sleep 3) | timeout -s KILL 2 hr-ship --to "127.0.0.1:$(cat b.port)" || true
	sent 75 send b --give-up 1 <whole
	ended b 75
	one_error hr-ship "begins stream 'made' anew, and standard output has had its beginning; start again, with its reader" b.err
	head -c 200000 whole | cmp -n "$(stat -c %s b.out)" - b.out
}

@test "a receiver begun anew ends a sender that no longer has the beginning" {
	local port sender

	listen a --exec 'cat >got'
	port=$(cat a.port)
	"$STREAM" -r 500 10000 | send a &
	sender=$!
	wait_for 10 test -s got
	kill "$(cat a.pid)"
	ended a 143
	AT=127.0.0.1:$port listen b --exec 'cat >got'
	sent 75 wait $sender
	one_error hr-ship "began anew, and the stream's beginning is no longer kept here; start the source's side again" a.sent
}

@test "a reader of standard output that goes is 75 at both sides" {
	mkfifo pipe
	head -c 1000 <pipe >head 3>&- &
	timeout 30 hr-ship --listen 127.0.0.1:0 --port-file a.port >pipe 2>a.err 3>&- &
	echo $! >a.pid
	wait_for 10 test -s a.port
	sent 75 send a < <("$STREAM" -r 500 10000)
	one_error hr-ship "stream 'made': its reader has gone; look at what the stage behind hr-ship says" a.sent
	ended a 75
	one_error hr-ship "stream 'made': its reader has gone" a.err
	# Before there is a stream too.
	true <pipe 3>&- &
	sent 75 timeout 20 hr-ship --listen 127.0.0.1:0 >pipe 2>b.err 3>&-
	one_error hr-ship "the reader of standard output has gone; look at what the stage behind says" b.err
}

@test "a reader that waits holds up the source, and nothing is lost" {
	local sender source

	"$STREAM" -b 1000 20000 >whole
	listen a --exec 'sleep 3; cat >got'
	mkfifo in
	send a --window 1MB <in 3>&- &
	sender=$!
	cat whole >in 3>&- &
	source=$!
	sleep 2
	kill -0 $source
	wait $sender
	cmp whole got
}

@test "the receiver's checkpoint comes back" {
	listen a --checkpoint '%s/%t' --exec 'cat >/dev/null; mv cp made/all; sleep 1'
	mkdir made
	"$STREAM" 100 >made.hrs
	checkpoint made 0 0/6480 >cp
	cp cp want
	send a --checkpoint here <made.hrs
	[ "$(hr-checkpoint get here)" = 0/6480 ]
	# One of another stream is not passed on.
	rm here made/all
	checkpoint other 0 0/6480 >cp
	send a --checkpoint here <made.hrs
	[ ! -e here ]
	listen b --exec 'cat >/dev/null'
	send b --checkpoint here <made.hrs
	grep -qx "hr-ship: warning: the receiver has no --checkpoint: 'here' will not be written" b.sent
}

@test "standard output waits for the checkpoint to say that all is there" {
	"$STREAM" 100 >made.hrs
	listen a --checkpoint a.cp
	(wait_for 20 test -s a.out; sleep 1; checkpoint made 0 0/6480 >cp; date +%s%N >moved; mv cp a.cp) 3>&- &
	send a --checkpoint here <made.hrs
	[ "$(date +%s%N)" -gt "$(cat moved)" ]
	ended a 0
	[ "$(hr-checkpoint get here)" = 0/6480 ]
}

@test "a source that was fenced off is refused" {
	checkpoint made 3 0/100 >a.cp
	listen a --checkpoint a.cp --exec 'cat >got'
	"$STREAM" -e 2 10 >old
	sent 77 send a <old
	one_error hr-ship "stream 'made' is of epoch 2, the target is at 3; its source was fenced off; do not go on from it" a.sent
	[ ! -e got ]
	"$STREAM" -e 3 10 >new
	send a <new
	cmp new got
}

@test "two streams do not share a checkpoint" {
	mkfifo in
	listen a --checkpoint a.cp --exec 'cat >"$HR_SLOT"'
	send a <in 3>&- &
	exec 8>in
	head -c -48 "$one" >&8
	wait_for 10 test -s hr_shop
	"$STREAM" 10 >made.hrs
	cp a.port b.port
	sent 78 send b <made.hrs
	one_error hr-ship "two streams would use the checkpoint 'a.cp'; put %s \\(slot\\) and %t \\(tenant\\) into --checkpoint" b.sent
	exec 8>&-
}

# path_of PATTERN SLOT: the checkpoint that a stream of that slot has, into the file path.
path_of() {
	local at hello='{"hr-ship":1,"role":"sender"}' open='{"session":"0123456789abcdef0123456789abcdef","slot":"'$2'"}'

	rm -f path
	listen a --checkpoint "$1" --exec 'echo "$HR_CHECKPOINT" >path; cat >/dev/null'
	exec 8<>"/dev/tcp/127.0.0.1/$(cat a.port)"
	for at in "H$hello" "O$open"; do
		# shellcheck disable=SC2059 # the bytes
		printf "\\x$(printf %x $((${#at} - 1)))\000\000\000${at:0:1}\000\000\000\000\000\000\000" >&8
		printf %s "${at:1}" >&8
	done
	wait_for 10 test -s path
	exec 8>&-
	kill "$(cat a.pid)"
	ended a 143
}

@test "a slot's name leads to no other directory" {
	mkdir -p cp %2E.
	path_of 'cp/%s' ../a/..
	[ "$(cat path)" = cp/%2E.%2Fa%2F.. ]
	path_of '%s/cp' ..
	[ "$(cat path)" = %2E./cp ]
	path_of '.%s' ./a
	[ "$(cat path)" = .%2E%2Fa ]
}

@test "a certificate without a common name has another one" {
	local names

	authority
	certificate replica IP:127.0.0.1
	tls replica
	listen a "${TLS[@]}" --exec 'echo "$HR_PEER" >peer; cat >/dev/null'
	tls home
	for names in 'URI:hr:tenant:*,DNS:home.example' 'URI:hr:tenant:*'; do
		openssl req -newkey ed25519 -noenc -subj /O=home -addext "subjectAltName=$names" \
		    -keyout home.key -out home.csr 2>/dev/null
		openssl x509 -req -in home.csr -CA ca.pem -CAkey ca.key -days 1 -copy_extensions copy -out home.pem 2>/dev/null
		send a "${TLS[@]}" <"$one"
		cat peer >>peers
	done
	diff - peers <<-'END'
	home.example
	hr:tenant:*
	END
}

@test "a certificate of another authority is refused" {
	authority
	authority other
	certificate replica IP:127.0.0.1
	certificate home 'URI:hr:tenant:*' other
	tls replica
	listen a "${TLS[@]}" --exec 'cat >got'
	tls home
	sent 77 send a "${TLS[@]}" <"$one"
	certificate home 'URI:hr:tenant:*'
	sent 77 send a --tls-cert home.pem --tls-key home.key --tls-ca other.pem <"$one"
	one_error hr-ship "the peer's certificate is refused: " a.sent
	[ ! -e got ]
	tls home
	send a "${TLS[@]}" <"$one"
	cmp "$one" got
}

@test "the receiver's certificate has the name that is connected to, or --tls-name" {
	authority
	certificate replica DNS:replica.example
	certificate home 'URI:hr:tenant:*'
	tls replica
	listen a "${TLS[@]}" --exec 'cat >got'
	tls home
	sent 77 send a "${TLS[@]}" <"$one"
	one_error hr-ship "the peer's certificate is refused: IP address mismatch" a.sent
	HOST=localhost sent 77 send a "${TLS[@]}" <"$one"
	one_error hr-ship "the peer's certificate is refused: hostname mismatch" a.sent
	[ ! -e got ]
	send a "${TLS[@]}" --tls-name replica.example <"$one"
	cmp "$one" got
}

@test "who speaks in the clear and who speaks TLS do not meet" {
	authority
	certificate replica IP:127.0.0.1
	certificate home 'URI:hr:tenant:*'
	tls replica
	listen a "${TLS[@]}" --exec 'cat >got'
	sent 78 send a <"$one"
	one_error hr-ship "the receiver wants TLS, and the sender speaks in the clear; give --tls-cert" a.sent
	sent 78 send a --spool spool <"$one"
	grep -q "error: .*the receiver wants TLS, and the sender speaks in the clear" a.sent
	grep -q "the receiver wants TLS, and the sender speaks in the clear" a.err
	listen b --exec 'cat >got'
	tls home
	sent 77 send b "${TLS[@]}" <"$one"
	one_error hr-ship "the peer does not speak TLS 1.3 as it should: .*; is it hr-ship, and does it have --tls-cert too" b.sent
	grep -q "the peer does not speak as hr-ship does; is it one, and does it use TLS if this one does" b.err
	[ ! -e got ]
}

@test "a spool that cannot be carried ends as it should, whatever it is doing" {
	local i

	authority
	certificate replica IP:127.0.0.1
	tls replica
	listen a "${TLS[@]}" --exec 'cat >got'
	for i in {1..20}; do
		rm -rf spool
		sent 78 send a --spool spool <"$one"
	done
}

@test "only TLS 1.3, and only with a certificate" {
	authority
	certificate replica IP:127.0.0.1
	certificate home 'URI:hr:tenant:*'
	tls replica
	listen a "${TLS[@]}" --exec 'cat >got'
	run timeout 10 openssl s_client -connect "127.0.0.1:$(cat a.port)" -tls1_2 </dev/null
	[[ $output == *"alert"* ]] || fail "$output"
	run timeout 10 openssl s_client -connect "127.0.0.1:$(cat a.port)" -tls1_3 </dev/null
	wait_for 10 grep -q "peer did not return a certificate" a.err
	[ ! -e got ]
}

# carried NAME [OPTION]...: a stream of the tenants t0 and t1 by that
# certificate to receiver a; what its command had is in got.
carried() {
	local name=$1

	shift
	tls "$name"
	rm -f got
	"$STREAM" -t 2 20 | timeout 3 hr-ship --to "127.0.0.1:$(cat a.port)" "${TLS[@]}" "$@" 2>a.sent
}

@test "a sender carries the tenants of its certificate, and no others" {
	authority
	certificate replica IP:127.0.0.1
	certificate none
	certificate both URI:hr:tenant:t0,URI:hr:tenant:t%31
	certificate first URI:hr:tenant:t0
	tls replica
	listen a "${TLS[@]}" --exec 'cat >got'
	sent 77 carried none
	one_error hr-ship "the certificate of 'none' may carry no tenant; give it a URI hr:tenant:NAME" a.sent
	[ ! -e got ]
	carried both
	cmp got <("$STREAM" -t 2 20)
	! carried first || fail "it was carried"
	grep -q "first: tenant 't1' may not be carried by this sender" a.err
	run -1 grep -aq t1 got
}

@test "--tenant narrows what is taken, in the clear too" {
	authority
	certificate replica IP:127.0.0.1
	certificate all 'URI:hr:tenant:*'
	tls replica
	listen a "${TLS[@]}" --tenant t0 --exec 'cat >got'
	! carried all || fail "it was carried"
	grep -q "all: tenant 't1' may not be carried by this sender" a.err
	listen b --tenant t0 --exec 'cat >got'
	! "$STREAM" -t 2 20 | timeout 3 hr-ship --to "127.0.0.1:$(cat b.port)" 2>b.sent || fail "it was carried"
	grep -q "tenant 't1' may not be carried by this sender" b.err
	run -1 grep -aq t1 got
	listen c --tenant t0 --tenant t1 --exec 'cat >got'
	"$STREAM" -t 2 20 | send c
	cmp got <("$STREAM" -t 2 20)
}

@test "the map stands above the certificate, and is read at each connection" {
	authority
	certificate replica IP:127.0.0.1
	certificate home URI:hr:tenant:other,DNS:home.example
	cat >map <<-'END'
	# who	what
	nobody	*
	END
	tls replica
	listen a "${TLS[@]}" --tenant-map map --exec 'cat >got'
	! carried home || fail "it was carried"
	grep -qE "home: tenant 't[01]' may not be carried by this sender" a.err
	printf 'home.example\tt0 t1 # both\n' >>map
	carried home
	cmp got <("$STREAM" -t 2 20)
	printf 'home t1\n' >map
	! carried home || fail "it was carried"
}

@test "rows for all tenants need hr:shared" {
	authority
	certificate replica IP:127.0.0.1
	certificate home URI:hr:tenant:acme,URI:hr:tenant:globex,URI:hr:tenant:initech
	tls replica
	listen a "${TLS[@]}" --exec 'cat >got'
	tls home
	! timeout 3 hr-ship --to "127.0.0.1:$(cat a.port)" "${TLS[@]}" <"$STREAMS/passed/0022_all_tenants.hrs" 2>a.sent ||
	    fail "it was carried"
	grep -qE "may not be carried by this sender; allow hr:shared or \+shared" a.err
	certificate home URI:hr:tenant:acme,URI:hr:tenant:globex,URI:hr:tenant:initech,URI:hr:shared
	send a "${TLS[@]}" <"$STREAMS/passed/0022_all_tenants.hrs"
	cmp "$STREAMS/passed/0022_all_tenants.hrs" got
}

@test "certificates are read again without a restart, and a bad one is not taken" {
	authority
	certificate replica IP:127.0.0.1
	certificate home 'URI:hr:tenant:*'
	tls replica
	listen a "${TLS[@]}" -v --exec 'cat >got'
	echo none >replica.pem
	tls home
	send a "${TLS[@]}" <"$one"
	grep -q "warning: the certificate that was read before stays in use: cannot use TLS certificate 'replica.pem'" a.err
	certificate replica DNS:elsewhere
	sent 77 send a "${TLS[@]}" <"$one"
	grep -q "note: read TLS certificate 'replica.pem' again" a.err
	send a "${TLS[@]}" --tls-name elsewhere <"$one"
}

@test "a certificate that was revoked is refused" {
	authority
	certificate replica IP:127.0.0.1
	certificate home 'URI:hr:tenant:*'
	certificate lost 'URI:hr:tenant:*'
	: >index
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=default\ndefault_crl_days=1\n' >ca.conf
	openssl ca -config ca.conf -keyfile ca.key -cert ca.pem -gencrl -out crl.pem 2>/dev/null
	tls replica
	listen a "${TLS[@]}" --tls-crl crl.pem --exec 'cat >got'
	tls lost
	send a "${TLS[@]}" <"$one"
	openssl ca -config ca.conf -keyfile ca.key -cert ca.pem -revoke lost.pem 2>/dev/null
	openssl ca -config ca.conf -keyfile ca.key -cert ca.pem -gencrl -out crl.pem 2>/dev/null
	rm got
	sent 77 send a "${TLS[@]}" <"$one"
	grep -q "the peer's certificate is refused: certificate revoked" a.err
	[ ! -e got ]
	tls home
	send a "${TLS[@]}" <"$one"
	cmp "$one" got
}

@test "who says nothing, or nonsense, does not keep others out" {
	listen a --connections 1 --hello-timeout 1 --exec 'cat >got'
	exec 8<>"/dev/tcp/127.0.0.1/$(cat a.port)"
	send a <"$one"
	cmp "$one" got
	exec 8>&-
	exec 8<>"/dev/tcp/127.0.0.1/$(cat a.port)"
	wait_for 10 grep -q "nothing was said for 1 s" a.err
	exec 8>&-
	exec 8<>"/dev/tcp/127.0.0.1/$(cat a.port)"
	head -c 4096 /dev/zero >&8
	wait_for 10 grep -q "the peer does not speak as hr-ship does" a.err
	exec 8>&-
	# A message that claims to be long, before there was a hello.
	exec 8<>"/dev/tcp/127.0.0.1/$(cat a.port)"
	printf '\001\100\000\000H\000\000\000\000\000\000\000' >&8
	wait_for 10 grep -q "a message 'H' of 16385 bytes is longer than one may be" a.err
	exec 8>&-
	send a <"$one"
}

@test "two of one side do not meet" {
	local hello='{"hr-ship":1,"role":"receiver"}'

	listen a --exec 'cat >got'
	exec 8<>"/dev/tcp/127.0.0.1/$(cat a.port)"
	# shellcheck disable=SC2059 # the bytes
	printf "\\x$(printf %x ${#hello})\000\000\000H\000\000\000\000\000\000\000$hello" >&8
	wait_for 10 grep -q "the peer is a receiver too" a.err
	exec 8>&-
	listen b --by tenant --exec 'cat >got'
	sent 78 send b <"$one"
	one_error hr-ship "wants a stream for each tenant, and this sender has one for all; leave --by tenant out there" b.sent
	[ ! -e got ]
}

@test "metrics are kept, and messages can be JSON" {
	need jq
	listen a --exec 'cat >got'
	send a --metrics m --log-format json -v <"$one"
	grep -qE '^(hr_)?bytes_replicated_total\{stage="ship"\} [1-9][0-9]*$' m
	grep -qE '^(hr_)?replication_errors_total\{stage="ship",reason="cut"\} 0$' m
	jq -e 'select(.message | startswith("connected to"))' a.sent >/dev/null || fail "$(cat a.sent)"
}

@test "a queue needs a spool at one side, tenants and a checkpoint at the other" {
	local url=nats://127.0.0.1:1/shop

	run --separate-stderr -64 hr-ship --to $url <"$one"
	one_error hr-ship "needs --spool"
	run --separate-stderr -64 hr-ship --listen $url --checkpoint cp --exec true
	one_error hr-ship "needs --tenant"
	run --separate-stderr -64 hr-ship --listen $url --tenant a --exec true
	one_error hr-ship "needs --checkpoint"
	run --separate-stderr -64 hr-ship --listen $url --tenant a --tenant b --checkpoint cp --exec true
	one_error hr-ship "several tenants need --exec, and %t in --checkpoint"
	run --separate-stderr -64 hr-ship --listen $url --tenant a --tenant b --checkpoint %t
	one_error hr-ship "several tenants need --exec"
	run --separate-stderr -64 hr-ship --listen $url --tenant a --checkpoint cp --by tenant --exec true
	one_error hr-ship "--by does not go with nats://"
	run --separate-stderr -64 hr-ship --to 127.0.0.1:1 --nats-max 10MB <"$one"
	one_error hr-ship "--nats-max is for nats://"
	run --separate-stderr -64 hr-ship --to $url --spool s --nats-replicas 6 <"$one"
	one_error hr-ship "--nats-replicas takes 1 to 5"
	run --separate-stderr -64 hr-ship --to nats:///shop --spool s <"$one"
	one_error hr-ship "nats://"
	run --separate-stderr -64 hr-ship --to $url --spool s --tls-cert a.pem <"$one"
	one_error hr-ship "--tls-cert and --tls-key go together"
	[ ! -e s ]
}

# --- reseal ---

# kept DIR KEYS TRANSACTIONS [OPTION of stream]...: a stream of three tenants, in small segments.
kept() {
	local dir=$1 keys=$2 n=$3

	shift 3
	"$STREAM" -b 3000 -t 3 "$@" "$n" | hr-ship --archive "$dir" --segment 64kB ${keys:+--key-file "$keys"} 2>/dev/null
}

# two_keys: the files old, new and both, and the options for them.
two_keys() {
	printf 'k1 * hex:%s\n' "$(printf 'ab%.0s' {1..32})" >old
	printf 'k2 * hex:%s\n' "$(printf 'cd%.0s' {1..32})" >new
	cat old new >both
	chmod 600 old new both
}

# whole DIR KEYS: it verifies, and restores what whole.hrs is, with these keys alone.
whole() {
	run -0 hr-ship archive verify "$1" --key-file "$2"
	[[ $output == *good* ]] || fail "$output"
	hr-ship --from-archive "$1" --key-file "$2" 2>/dev/null | cmp - whole.hrs
}

@test "tenants whose names are too long for a file's are listed, and verified to the last byte" {
	local name sizes one size

	need jq
	name=$(printf 'x y%.0s' {1..80})
	"$STREAM" -n "$name" -b 3000 -t 3 600 | hr-ship --archive arch --segment 64kB
	sizes=$(find arch -name '*.seg' -printf '%s+')
	run -0 hr-ship archive verify arch
	[[ $output == *"good"*" $(find arch -name '*.seg' | wc -l) segments, $((${sizes}0)) bytes" ]] || fail "$output"
	run -0 hr-ship archive list arch --json
	[ "$(jq .bytes <<<"$output")" = $((${sizes}0)) ] || fail "$output"
	one=$(find arch/made/*/tenant -name '*.seg' | tail -n 1)
	size=$(stat -c %s "$one")
	printf '\377' | dd of="$one" bs=1 seek=$((size - 20)) conv=notrunc 2>/dev/null
	run --separate-stderr -65 hr-ship archive verify arch
}

@test "reseal seals with the newest key what is sealed with another one, or not at all" {
	two_keys
	kept arch "" 600
	hr-ship --from-archive arch >whole.hrs 2>/dev/null
	run -0 hr-ship reseal arch --key-file old --dry-run
	[[ $output == *"tenant 't0': "*" segments would be sealed, "*" bytes"* ]] || fail "$output"
	hr-ship archive verify arch
	run -0 hr-ship reseal arch --key-file old
	[[ $output =~ "tenant 't0': "([0-9]+)" of "([0-9]+)" segments sealed with key 'k1', " ]] || fail "$output"
	[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
	[ "${BASH_REMATCH[1]}" -gt 2 ]
	[[ $output == *"the shared log: "* ]]
	[ "${#lines[@]}" = 4 ]
	whole arch old
	run -78 hr-ship archive verify arch
	# One tenant alone has a newer key.
	printf 'k9 t1 hex:%s\n' "$(printf 'ef%.0s' {1..32})" >>old
	run -0 hr-ship reseal arch --key-file old
	[[ $output =~ "tenant 't0': 0 of "[0-9]+" segments sealed with key 'k1', 0 bytes" ]] || fail "$output"
	[[ $output =~ "tenant 't1': "[1-9][0-9]*" of "[0-9]+" segments sealed with key 'k9', " ]] || fail "$output"
	whole arch old
	# Without the old keys nothing can be read.
	run -78 hr-ship reseal arch --key-file new
	whole arch old
	printf 'k8 t1 hex:%s\n' "$(printf '01%.0s' {1..32})" >>new
	cat new >>old
	run -0 hr-ship reseal arch --key-file old
	whole arch new
	# What is under the newest key is left alone.
	find arch -name '*.seg' -exec sha256sum {} + | sort >before
	run -0 hr-ship reseal arch --key-file new
	[[ $output != *": "[1-9]*" of "* ]] || fail "$output"
	find arch -name '*.seg' -exec sha256sum {} + | sort | cmp - before
	run -0 hr-ship reseal arch --key-file new --all --stream made
	find arch -name '*.seg' -exec sha256sum {} + | sort >after
	[ -z "$(comm -12 before after)" ] || fail "left alone: $(comm -12 before after)"
	whole arch new
	# The stream goes on behind it.
	kept arch new 900 -s 500
	"$STREAM" -b 3000 -t 3 900 | strings -n 500 >rows
	[ "$(wc -l <rows)" -ge 900 ]
	hr-ship archive verify arch --key-file new
	hr-ship --from-archive arch --key-file new 2>/dev/null | strings -n 500 | cmp - rows
}

@test "reseal with a key command, there and back" {
	local n

	two_keys
	cat >kms <<-'END'
	#!/bin/sh
	echo "$HR_KEY_ID $1" >>kms.log
	case $1 in wrap) printf W; tr '\0-\377' '\200-\377\0-\177' ;; unwrap) tail -c +2 | tr '\0-\377' '\200-\377\0-\177' ;; esac
	END
	chmod +x kms
	kept arch old 300
	hr-ship --from-archive arch --key-file old >whole.hrs 2>/dev/null
	hr-ship reseal arch --key-file old --key-command ./kms --key-id a
	hr-ship archive verify arch --key-command ./kms
	hr-ship --from-archive arch --key-command ./kms 2>/dev/null | cmp - whole.hrs
	run -0 hr-ship reseal arch --key-command ./kms --key-id a
	[[ $output == *"tenant 't2': 0 of "*" segments sealed with key 'a', 0 bytes"* ]] || fail "$output"
	n=$(grep -c 'wrap' kms.log)
	run -0 hr-ship reseal arch --key-command ./kms --key-id b
	[ "$(grep -c '^b wrap' kms.log)" = 4 ] || fail "$(cat kms.log)"
	[ "$(grep -c wrap kms.log)" -gt "$n" ]
	hr-ship --from-archive arch --key-command ./kms 2>/dev/null | cmp - whole.hrs
}

@test "reseal killed again and again leaves an archive that is whole, and ends" {
	local i pid

	two_keys
	kept arch old 3000
	hr-ship --from-archive arch --key-file old >whole.hrs 2>/dev/null
	for i in {1..12}; do
		hr-ship reseal arch --key-file both $([ $((i % 3)) = 0 ] || echo --all) >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.0$((RANDOM % 90 + 10))"
		kill -KILL $pid 2>/dev/null || true
		wait $pid || true
		whole arch both
	done
	hr-ship reseal arch --key-file both
	[ -z "$(find arch -name '.reseal*')" ]
	whole arch new
}

@test "what was changed, taken away or exchanged is noticed after reseal as before" {
	local file seg

	two_keys
	kept plain "" 600
	cp -r plain was
	hr-ship reseal plain --key-file new
	seg=$(find plain -path '*tenant/t1/*' -name '*.seg' | sort | sed -n 2p)
	cp -r plain arch
	for file in "arch${seg#plain}" "$(find arch -path '*shared*' -name '*.seg' | head -1)"; do
		printf '\x01' | dd of="$file" bs=1 seek=700 conv=notrunc 2>/dev/null
		run -65 hr-ship archive verify arch --key-file new
		# It is not made to look good.
		run -65 hr-ship reseal arch --key-file new --all
		run -65 hr-ship archive verify arch --key-file new
		rm -rf arch
		cp -r plain arch
	done
	rm "arch${seg#plain}"
	run -65 hr-ship archive verify arch --key-file new || [ "$status" = 74 ]
	cp "${seg/t1/t0}" "arch${seg#plain}"
	run -65 hr-ship archive verify arch --key-file new
	# It has the right names, and no key.
	cp "was${seg#plain}" "arch${seg#plain}"
	run --separate-stderr -65 hr-ship archive verify arch --key-file new
	one_error hr-ship "t1/00000002.seg' is not sealed, and there are keys"
	run --separate-stderr -65 hr-ship archive verify arch --key-file new --unsealed
	one_error hr-ship "it is not sealed, and the shared log that names it is"
}

@test "reseal waits for nobody who keeps the stream, and says so" {
	two_keys
	kept arch old 100
	run --separate-stderr -75 flock arch/made/.lock hr-ship reseal arch --key-file both
	one_error hr-ship "stream 'made' is being kept in 'arch' by another process"
	run --separate-stderr -77 hr-ship reseal none --key-file both
	one_error hr-ship "'none' has no chain"
	[ ! -e none ]
	run --separate-stderr -77 hr-ship reseal arch --stream other --key-file both
	one_error hr-ship "'arch' has no chain of stream 'other'"
	misuse "reseal needs --key-file, --key-command or both" reseal arch
	misuse "reseal takes a directory" reseal --key-file both
	misuse "--json does not go with reseal" reseal arch --key-file both --json
	misuse "--all does not go with archive verify" archive verify arch --all
}

@test "reseal of a spool, which then goes on" {
	two_keys
	listen a --checkpoint a.cp --exec 'cat >got'
	kill "$(cat a.pid)"
	wait "$(cat a.pid)" || true
	rm a.pid
	"$STREAM" -b 3000 -t 3 600 >made.hrs
	{ head -c 1000000 made.hrs; sleep 3; } 3>&- | timeout -s KILL 2 hr-ship --to "127.0.0.1:$(cat a.port)" --spool spool \
	    --segment 64kB --key-file old 2>spool.err 3>&- || true
	hr-ship reseal spool --key-file both
	hr-ship archive verify spool --key-file new
	AT=127.0.0.1:$(cat a.port) listen a --exec 'hr-compress -d >got' --checkpoint a.cp
	timeout 20 hr-ship --to "127.0.0.1:$(cat a.port)" --spool spool --key-file new <made.hrs 2>a.sent || true
	[ ! -s a.sent ] || cat a.sent a.err
	# Where the spool was gone on with, relations come again.
	strings -n 500 made.hrs >rows
	[ "$(wc -l <rows)" -ge 600 ]
	strings -n 500 got | cmp - rows
}

@test "what was sent of a transaction that the spool had not whole is sent again, to a reader that is begun again" {
	"$STREAM" -b 3000 -t 3 -w 1000 1000 >made.hrs
	strings -n 500 made.hrs >rows
	listen a --exec 'cat >got.$$; echo >>ends' --checkpoint a.cp
	{ head -c 1000000 made.hrs; sleep 3; } 3>&- | timeout -s KILL 2 hr-ship --to "127.0.0.1:$(cat a.port)" --spool spool \
	    2>spool.err 3>&- || true
	timeout 20 hr-ship --to "127.0.0.1:$(cat a.port)" --spool spool <made.hrs 2>s.sent 3>&- ||
	    fail "$(cat s.sent a.err; ls -l got.*)"
	# shellcheck disable=SC2012 # names that we gave
	strings -n 500 "$(ls -t got.* | head -1)" | cmp - rows
}

has_kept() {			# TRANSACTION
	[ "$("${STREAM%/*}/take" -k kept.cp)" -ge "$1" ]
}

@test "--drain sends what a spool has up to its last watermark, and ends" {
	local take=${STREAM%/*}/take last by

	"$STREAM" -b 2000 -t 3 -w 10 600 >made.hrs
	for by in sender tenant; do
		rm -rf spool record.* ./*.cp
		listen a --exec true
		kill "$(cat a.pid)"
		wait "$(cat a.pid)" || true
		rm a.pid
		rm -f in
		mkfifo in
		hr-ship --to "127.0.0.1:$(cat a.port)" --spool spool --checkpoint kept.cp <in 2>a.sent 3>&- &
		echo $! >kept.pid
		{ head -c 1000123 made.hrs; exec sleep 60; } >in 3>&- &
		echo $! >in.pid
		wait_for 20 has_kept 100 || fail "$(cat a.sent)"
		sleep 0.3
		kill -KILL "$(cat kept.pid)" "$(cat in.pid)"
		wait "$(cat kept.pid)" || true
		rm kept.pid in.pid
		last=$("$take" -k kept.cp)
		# Before anybody is there, and while it is cut off.
		timeout 60 hr-ship --to "127.0.0.1:$(cat a.port)" --spool spool --drain 2>a.sent 3>&- &
		echo $! >drain.pid
		sleep 0.3
		AT=127.0.0.1:$(cat a.port) listen a --by $by --checkpoint 'to.%t.cp' \
		    --exec "exec $take -m 3000 -c \"\$HR_CHECKPOINT\" record.\$HR_TENANT"
		wait_for 10 test -s "record.$([ $by = sender ] || echo t0)"
		pkill -KILL -P "$(cat drain.pid)"
		wait "$(cat drain.pid)" || true
		rm drain.pid
		sent 0 send a --spool spool --drain
		cat record.* | grep -v W | sort -n | cmp - <(seq "$last") || fail "$by: not 1 to $last" "$(cat a.err a.sent)"
		# What is there stays to be gone on with, and there is nothing to do.
		sent 0 send a --spool spool --drain
		sent 0 send a --spool spool <made.hrs
		cat record.* | grep -v W | sort -n | cmp - <(seq 600) || fail "$by: not all" "$(cat a.err a.sent)"
		kill "$(cat a.pid)"
		wait "$(cat a.pid)" || true
		rm a.pid
	done
}

@test "--drain of what is no spool, of two streams, and of one that another process has" {
	mkdir none
	run -77 --separate-stderr hr-ship --to 127.0.0.1:1 --spool none --drain
	one_error hr-ship "'none' has no chain"
	run -77 --separate-stderr hr-ship --to 127.0.0.1:1 --spool missing --drain
	one_error hr-ship "'missing' has no chain"
	[ ! -e missing ]
	hr-ship --archive two <"$one"
	"$STREAM" 10 | hr-ship --archive two
	run -64 --separate-stderr hr-ship --to 127.0.0.1:1 --spool two --drain
	one_error hr-ship "'two' has several streams, .*; say which by --stream"
	run -75 --separate-stderr flock two/made/.lock hr-ship --to 127.0.0.1:1 --spool two --drain --stream made
	one_error hr-ship "stream 'made' is being kept in 'two' by another process"
	run -75 --separate-stderr hr-ship --to 127.0.0.1:1 --spool two --drain --stream made --give-up 1
	one_error hr-ship "no receiver for 1 s"
	run -77 --separate-stderr hr-ship --to 127.0.0.1:1 --spool two --drain --stream other
	one_error hr-ship "'two' has no chain of stream 'other'"
}

@test "a tenant for whom there was nothing for long, while the others' log went" {
	local take=${STREAM%/*}/take

	listen a --by tenant --checkpoint 'to.%t.cp' --exec "exec $take -c \"\$HR_CHECKPOINT\" record.\$HR_TENANT"
	"$STREAM" -n idle -t 1 -w 1 20 | sent 0 send a --spool spool --segment 64kB
	"$STREAM" -s 20 -n busy -t 1 -b 500 -w 1 4000 | sent 0 send a --spool spool --segment 64kB
	"$STREAM" -s 4000 -n busy -t 1 -b 500 -w 1 4500 | sent 0 send a --spool spool --segment 64kB
	[ ! -e spool/made/*/shared/00000001.seg ] || fail "$(ls spool/made/*/shared)"
	"$STREAM" -s 4500 -n idle -t 1 -w 1 4510 | sent 0 send a --spool spool --segment 64kB
	grep -v W record.idle0 | cmp - <(seq 20; seq 4501 4510) || fail "$(cat a.err a.sent)"
	sent 0 send a --spool spool --drain
	# One that was set back is not given what begins too late for it.
	kill "$(cat a.pid)"
	wait "$(cat a.pid)" || true
	rm a.pid record.idle0
	checkpoint made 0 0/1000 >to.idle0.cp
	AT=127.0.0.1:$(cat a.port) listen a --by tenant --checkpoint 'to.%t.cp' \
	    --exec "exec $take -c \"\$HR_CHECKPOINT\" record.\$HR_TENANT"
	"$STREAM" -s 4510 -n idle -t 1 -w 1 4520 >more.hrs
	hr-ship --to "127.0.0.1:$(cat a.port)" --spool spool --segment 64kB <more.hrs 2>a.sent 3>&- &
	echo $! >set.pid
	wait_for 10 grep -q "tenant 'idle0' waits in the spool: the target has 0/1000, and the spool begins at" a.sent ||
	    fail "$(cat a.sent a.err)"
}

@test "a position that is missing, or is none, is told of and waited for by nobody" {
	two_keys
	kept arch old 100
	run -0 hr-ship archive verify arch --key-file old
	rm -f arch/made/*/position
	run --separate-stderr -65 hr-ship archive verify arch --key-file old
	one_error hr-ship "position' is missing, so that nobody knows whether the chain's end is; .*--unsealed"
	run -0 hr-ship archive verify arch --key-file old --unsealed
	mkfifo "$(echo arch/made/*)/position"
	run --separate-stderr -65 timeout 10 hr-ship archive list arch --key-file old
	one_error hr-ship "position' is no position"
}

@test "a position keeps its owner when another user seals it again" {
	two_keys
	kept arch old 100
	chown -R nobody: arch
	touch "$(echo arch/made/*)/.position"
	hr-ship reseal arch --key-file both
	[ "$(stat -c %U arch/made/*/position)" = nobody ]
	run -0 hr-ship archive verify arch --key-file new
}

@test "--drain: what is not sealed, an end that nobody knows, and a receiver that refuses" {
	local take=${STREAM%/*}/take

	two_keys
	kept plain "" 100
	run --separate-stderr -65 hr-ship --to 127.0.0.1:1 --archive plain --key-file old --drain
	one_error hr-ship "is not sealed, and there are keys"
	kept arch old 100
	rm arch/made/*/position
	run --separate-stderr -65 hr-ship --to 127.0.0.1:1 --archive arch --key-file old --drain
	one_error hr-ship "position' is missing"
	echo junk >"$(echo plain/made/*)/position"
	run --separate-stderr -65 hr-ship --to 127.0.0.1:1 --archive plain --drain
	one_error hr-ship "position' is damaged"
	rm plain/made/*/position
	listen a --by tenant --checkpoint 'to.%t.cp' --tenant t0 \
	    --exec "exec $take -c \"\$HR_CHECKPOINT\" record.\$HR_TENANT"
	sent 77 send a --archive plain --drain
	one_error hr-ship "2 of 3 streams are not drained: " a.sent
	[ -s record.t0 ]
	listen b --checkpoint b.cp --exec 'exec cat >read'
	sent 75 send b --archive plain --drain --give-up 2
	one_error hr-ship "1 of 1 streams are not drained, and no target took anything for 2 s" b.sent
}

@test "a source that took over, and of which nothing came, is not forgotten by what is kept" {
	"$STREAM" -e 1 50 | hr-ship --archive arch
	"$STREAM" -e 2 -s 50 50 | hr-ship --archive arch
	"$STREAM" -e 1 -s 50 60 >old.hrs
	run --separate-stderr -77 hr-ship --archive arch <old.hrs
	one_error hr-ship "the stream is of epoch 1, what is kept of epoch 2"
}
