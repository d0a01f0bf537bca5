# A stream between hosts: cut at every byte, killed at any moment, and among
# peers that mean no good.  COUNT and EVERY make the first two longer.

load ../lib

TOOL=${O:-$ROOT/.build}/tool

setup() {
	need openssl
	[ -x "$TOOL/proxy" ] || fail "no $TOOL/proxy: make tests"
	PATH=$TOOL:$PATH
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	local file

	for file in "$BATS_TEST_TMPDIR"/*.pid; do
		# timeout(1) that is killed leaves its child.
		[ ! -s "$file" ] || pkill -KILL -P "$(cat "$file")" || true
		[ ! -s "$file" ] || { kill -KILL "$(cat "$file")" && wait "$(cat "$file")"; } 2>/dev/null || true
	done
}

# background NAME COMMAND...: with its output, messages and process id in files.
background() {
	local name=$1

	shift
	timeout 120 "$@" >"$name.out" 2>"$name.err" 3>&- 4>&- 7>&- 8>&- <&0 &
	echo $! >"$name.pid"
}

# finish NAME [STATUS]: it ends with it.
finish() {
	local status=0

	wait "$(cat "$1.pid")" || status=$?
	rm "$1.pid"
	[ $status = "${2:-0}" ] || fail "$1: status $status" "$(cat "$1.err")"
}

# receiver ARG...: listens on $PORT.
receiver() {
	receiver_at 0 "$@"
}

receiver_at() {			# PORT ARG...
	rm -f port
	background receiver hr-ship --listen "127.0.0.1:$1" --port-file port "${@:2}"
	wait_for 5 test -s port || { cat receiver.err; return 1; }
	PORT=$(cat port)
}

# proxy: from $PROXY to $PORT; what it says is read from descriptor 8.
proxy() {
	rm -f proxy.port proxy.in proxy.said
	mkfifo proxy.in proxy.said
	timeout 120 proxy proxy.port "$PORT" <proxy.in >proxy.said 2>/dev/null 3>&- 4>&- &
	echo $! >proxy.pid
	exec 7>proxy.in 8<proxy.said
	wait_for 5 test -s proxy.port
	PROXY=$(cat proxy.port)
}

# net COMMAND: and it has been done.
net() {
	local said

	echo "$1" >&7
	while read -r -t 10 said <&8; do
		[ "$said" != "done" ] || return 0
	done
	fail "the proxy does not answer"
}

sender() {
	timeout 60 hr-ship --to "127.0.0.1:$PROXY" "$@"
}

# authority NAME; certificate NAME AUTHORITY DAYS SAN...
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" \
	    -out "$1.pem" -subj "/CN=$1" -days 2 2>/dev/null
}

certificate() {
	local name=$1 ca=$2 days=$3 san

	shift 3
	san=$(IFS=,; echo "$*")
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" \
	    -out "$name.csr" -subj "/CN=$name" 2>/dev/null
	openssl x509 -req -in "$name.csr" -CA "$ca.pem" -CAkey "$ca.key" -days "$days" \
	    -extfile <(echo "subjectAltName=$san") -out "$name.new" 2>/dev/null
	mv "$name.new" "$name.pem"
}

tls() {
	echo "--tls-cert $1.pem --tls-key $1.key --tls-ca ${2:-ca}.pem"
}

certificates() {
	authority ca
	certificate there ca 2 DNS:localhost IP:127.0.0.1
	certificate all ca 2 'URI:hr:tenant:*'
	certificate one ca 2 URI:hr:tenant:t1
	certificate shared ca 2 URI:hr:tenant:t1 URI:hr:shared
	certificate none ca 2 DNS:nobody
}

peak_kb() {
	awk '/^VmHWM/ { print $2 }' "/proc/$1/status"
}

# The program under timeout(1), which is what background keeps.
child() {
	pgrep -P "$(cat "$1.pid")"
}

# ticks PID: of processor time.
ticks() {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# is_idle PROCESS WHAT [TICKS]: it uses next to no processor time for a second.
is_idle() {
	local before

	before=$(ticks "$1")
	sleep 1
	[ $(($(ticks "$1") - before)) -lt "${3:-20}" ] || fail "$2: $(($(ticks "$1") - before)) ticks of 100 in a second"
}

# --- cuts ---

# every WAY FROM TO: cut there, at each so-manieth byte; what arrived is what was sent.
every() {
	local at

	for ((at = $2; at <= $3; at += ${EVERY:-41})); do
		net "cut-$1 $at"
		sender <in.hrs 2>sender.err || fail "cut-$1 $at: status $?" "$(cat sender.err)"
		cmp in.hrs out.hrs || fail "cut-$1 $at"
	done
}

@test "cut at any byte, in either direction, a stream goes on at the frame" {
	stream -b 30 -w 2 20 >in.hrs
	receiver --exec 'cat >out.hrs'
	proxy
	every up 0 3200
	every down $((RANDOM % 20)) 700
}

@test "cut at any byte within TLS too" {
	local args

	certificates
	stream -b 30 -w 2 20 >in.hrs
	# shellcheck disable=SC2046
	receiver --exec 'cat >out.hrs' $(tls there)
	proxy
	args=$(tls all)
	# shellcheck disable=SC2086
	sender() { timeout 60 hr-ship --to "localhost:$PROXY" --timeout 1 $args; }
	EVERY=$((${EVERY:-41} * 9)) every up 1500 5000
	EVERY=$((${EVERY:-41} * 9)) every down 1500 3400
}

@test "a byte that is changed on its way is noticed, and what it was in is sent again" {
	local at

	stream -b 200 500 >in.hrs
	receiver --exec 'cat >out.hrs'
	proxy
	for at in 1000 50000 120000; do
		net "flip-up $at"
		sender <in.hrs 2>sender.err || fail "flip-up $at: status $?" "$(cat sender.err)"
		cmp in.hrs out.hrs || fail "flip-up $at"
	done
	grep -q 'damaged\|checksum' receiver.err
}

# The two ends as a supervisor would run them, until the stream has ended.
supervise_receiver() {
	while [ ! -e ended ]; do
		hr-ship --listen "127.0.0.1:$PORT" --timeout 1 --checkpoint there.cp \
		    --exec 'take -c there.cp record' 2>>receiver.err &
		echo $! >receiver.now
		wait $! || sleep 0.02
	done
}

supervise_sender() {
	local from status rate n=0

	while [ ! -e ended ]; do
		from=$(take -k here.cp)
		rate=$(cat rate)
		mkfifo part.$((++n))
		# shellcheck disable=SC2086
		stream -b 300 -s "$from" -w 20 $rate "$1" >part.$n 2>>sender.err &
		hr-ship --to "127.0.0.1:$PROXY" --timeout 1 --checkpoint here.cp <part.$n 2>>sender.err &
		echo $! >sender.now
		status=0
		wait $! || status=$?
		rm -f part.$n
		echo "$status from $from" >>sender.runs
		case $status in
		0) touch ended ;;
		75 | 137) ;;
		*) touch ended failed ;;
		esac
	done
}

# recovered: how many milliseconds to the next acknowledgement.
recovered() {
	local said

	while read -r -t 20 said <&8; do
		case $said in
		recovered*) MS=${said#* }; return 0 ;;
		esac
	done
	fail "nothing is acknowledged any more" "$(tail -n 3 sender.err receiver.err sender.runs)"
}

# One blow; the network is whole behind it.
blow() {
	case $1 in
	0 | 1 | 2) net cut ;;
	3 | 4) net fin ;;
	5) net stall; sleep 0.3; net go ;;
	6) net stall; sleep 1.4; net go ;;
	7 | 8) kill -KILL "$(cat sender.now)" 2>/dev/null || true; net watch ;;
	9) kill -KILL "$(cat receiver.now)" 2>/dev/null || true; net watch ;;
	esac
}

@test "through cuts, stalls and kills of either end each transaction arrives once, and soon" {
	local count=${COUNT:-60} i kind slow=0 worst=0 all

	all=$((count * 500))
	PORT=$(free_port)
	echo "-r 1200" >rate
	proxy
	supervise_receiver 3>&- 4>&- 7>&- 8>&- &
	echo $! >supervise-receiver.pid
	supervise_sender "$all" 3>&- 4>&- 7>&- 8>&- &
	echo $! >supervise-sender.pid
	net watch
	recovered
	for ((i = 0; i < count; i++)); do
		kind=$((RANDOM % 10))
		sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
		[ ! -e ended ] || break
		blow $kind
		recovered
		# What was killed starts its own programs again; the promise is for the network.
		[ $kind -lt 7 ] || continue
		[ "$MS" -le "$worst" ] || worst=$MS
		[ "$MS" -le 2000 ] || slow=$((slow + 1))
	done
	echo "# $i blows, back after at most $worst ms" >&3
	echo >rate
	kill -KILL "$(cat sender.now)" 2>/dev/null || true
	wait_for 60 test -e ended
	kill "$(cat receiver.now)" 2>/dev/null || true
	[ ! -e failed ] || fail "$(tail -n 5 sender.err receiver.err sender.runs)"
	grep -v W record | cmp - <(seq "$all")
	[ "$i" -ge $((count * 2 / 3)) ] || fail "only $i blows"
	# A machine that does something else for two seconds may do so now and then.
	[ "$slow" -le $((1 + count / 30)) ] || fail "$slow times not back within 2 s, once $worst ms"
	[ "$(take -k here.cp)" -gt 0 ]
}

@test "a receiver that ends well waits for a sender that was cut off just then" {
	stream 20 >in.hrs
	receiver
	proxy
	# The connection goes with what says that the stream has arrived.
	net "cut-down 330"
	run -0 --separate-stderr sender <in.hrs
	finish receiver
	cmp in.hrs receiver.out
}

@test "an end that is good is not warned of, with a spool and without" {
	local args

	certificates
	stream -t 2 100 >in.hrs
	for args in "" "$(tls there)"; do
		# shellcheck disable=SC2086
		receiver --checkpoint there.cp --exec 'take -c there.cp record' $args
		[ -z "$args" ] || args=$(tls all)
		# shellcheck disable=SC2086
		timeout 20 hr-ship --to "localhost:$PORT" $args <in.hrs
		rm -rf there.cp record spool
		# shellcheck disable=SC2086
		timeout 20 hr-ship --to "localhost:$PORT" --spool spool $args <in.hrs
		sleep 0.3
		[ ! -s receiver.err ] || fail "$(cat receiver.err)"
		kill "$(cat receiver.pid)"
		rm -f there.cp record
	done
}

# --- bounds ---

@test "a receiver that does not read is waited for in bounded memory at both ends" {
	local here there

	receiver --timeout 2 --exec 'sleep 3; cat >out.hrs'
	PROXY=$PORT
	background stream stream -b 4000 6000
	mkfifo in
	stream -b 4000 6000 >in 3>&- 4>&- &
	background sender hr-ship --to "127.0.0.1:$PORT" --window 2MB <in
	sleep 2
	here=$(peak_kb "$(child sender)")
	there=$(peak_kb "$(child receiver)")
	finish sender
	cmp stream.out out.hrs
	[ "$(stat -c %s out.hrs)" -gt 20000000 ]
	[ "$here" -lt 24000 ] || fail "the sender has $here kB"
	[ "$there" -lt 24000 ] || fail "the receiver has $there kB"
}

@test "a reader that is always slower does not fill the sender's memory" {
	local here

	receiver --exec 'take -m 50000 record'
	stream -b 4000 8000 >in.hrs
	background sender hr-ship --to "127.0.0.1:$PORT" --window 2MB <in.hrs
	sleep 3
	here=$(peak_kb "$(child sender)")
	finish sender
	grep -v W record | cmp - <(seq 8000)
	[ "$here" -lt 20000 ] || fail "the sender has $here kB"
}

@test "a receiver that does not read for longer than --timeout is not cut off" {
	receiver --timeout 1 --exec 'sleep 6; cat >out.hrs'
	stream -b 4000 6000 >in.hrs
	run -0 --separate-stderr timeout 40 hr-ship --to "127.0.0.1:$PORT" --timeout 1 <in.hrs
	[ -z "$stderr" ] || fail "$stderr"
	[ ! -s receiver.err ] || fail "$(cat receiver.err)"
	cmp in.hrs out.hrs
}

@test "a receiver that is gone while it does not read is noticed" {
	receiver --timeout 1 --exec 'sleep 4; cat >out.hrs'
	stream -b 4000 6000 >in.hrs
	background sender hr-ship --to "127.0.0.1:$PORT" --timeout 1 <in.hrs
	sleep 1
	kill -STOP "$(child receiver)"
	wait_for 5 grep -q 'nothing came from' sender.err
	kill -CONT "$(child receiver)"
	finish sender
	cmp in.hrs out.hrs
}

# --- peers that mean no good ---

@test "who has no good certificate is refused in one line, and the others do not notice" {
	local file

	certificates
	authority other
	certificate stranger other 2 'URI:hr:tenant:*'
	certificate expired ca -1 'URI:hr:tenant:*'
	certificate revoked ca 2 'URI:hr:tenant:*'
	touch index
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=2\n' >ca.conf
	openssl ca -config ca.conf -keyfile ca.key -cert ca.pem -revoke revoked.pem 2>/dev/null
	openssl ca -config ca.conf -keyfile ca.key -cert ca.pem -gencrl -out ca.crl 2>/dev/null
	stream -t 2 100 >in.hrs
	mkfifo slow
	# shellcheck disable=SC2046
	receiver --exec 'cat >"out.$HR_SLOT"' --tls-crl ca.crl $(tls there)
	stream -t 2 -r 200 600 >slow 3>&- 4>&- &
	# shellcheck disable=SC2046
	background good hr-ship --to "localhost:$PORT" $(tls all) <slow

	# shellcheck disable=SC2046
	{
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls stranger) <in.hrs
	one_error hr-ship 'refused TLS: .*unknown ca'
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls expired) <in.hrs
	one_error hr-ship 'refused TLS: .*expired'
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls revoked) <in.hrs
	one_error hr-ship 'refused TLS: .*revoked'
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls none) <in.hrs
	one_error hr-ship "certificate of 'none' may carry no tenant"
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls all other) <in.hrs
	one_error hr-ship 'certificate is refused: '
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" --tls-name elsewhere $(tls all) <in.hrs
	one_error hr-ship 'certificate is refused: .*[Hh]ostname mismatch'
	run -77 --separate-stderr timeout 20 hr-ship --to "127.0.0.1:$PORT" --tls-name 127.0.0.2 $(tls all) <in.hrs
	one_error hr-ship 'certificate is refused: IP address mismatch'
	}
	# One that does not speak TLS at all, and one that is garbage within it.
	run -0 bash -c 'head -c 100000 /dev/urandom | timeout 10 peer raw "$0" | wc -c' "$PORT"
	run -0 bash -c '{ head -c 1000 /dev/urandom; sleep 1; } | timeout 10 openssl s_client -quiet -connect "localhost:$0" -cert all.pem -key all.key -CAfile ca.pem 2>/dev/null | strings' "$PORT"
	[[ $output == *'does not speak as hr-ship does'* ]]
	finish good
	cmp out.made <(stream -t 2 600)
	grep -q 'does not speak TLS' receiver.err
	for file in unknown expired revoked; do
		grep -q "warning: .*certificate is refused: .*\($file\|unable to get\|self-signed\)" receiver.err
	done
	wait_for 5 test "$(ls "/proc/$(child receiver)/fd" | wc -l)" -lt 12
}

@test "tenants that a certificate does not name are refused, in frames and inside of blocks" {
	local as

	certificates
	stream -t 2 100 >two.hrs
	hr-compress <two.hrs >blocks.hrs
	hr-compress --group <two.hrs >group.hrs
	# shellcheck disable=SC2046
	receiver --exec 'cat >/dev/null' $(tls there)
	for as in two blocks group; do
		# shellcheck disable=SC2046
		run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls one) <$as.hrs
		one_error hr-ship "tenant 't0' may not be carried by this sender"
		# shellcheck disable=SC2046
		run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls shared) <$as.hrs
		one_error hr-ship "tenant 't0' may not be carried by this sender"
		# shellcheck disable=SC2046
		timeout 20 hr-ship --to "localhost:$PORT" $(tls all) <$as.hrs
	done
	# The map stands above the certificate.
	printf 'one t0 t1\nall t1 # no more\n' >map
	kill "$(cat receiver.pid)"
	# shellcheck disable=SC2046
	receiver --exec 'cat >/dev/null' --tenant-map map $(tls there)
	# shellcheck disable=SC2046
	timeout 20 hr-ship --to "localhost:$PORT" $(tls one) <group.hrs
	# shellcheck disable=SC2046
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls all) <group.hrs
	one_error hr-ship "tenant 't0' may not be carried by this sender"
}

@test "who may carry less does not take a stream over, nor one of an old epoch" {
	certificates
	mkfifo slow
	# shellcheck disable=SC2046
	receiver $(tls there)
	stream -e 5 -t 2 -r 200 500 >slow 3>&- 4>&- &
	# shellcheck disable=SC2046
	background good hr-ship --to "localhost:$PORT" $(tls all) <slow
	wait_for 5 test -s receiver.out
	stream -e 9 100 >nine.hrs
	stream -e 4 100 >four.hrs
	# shellcheck disable=SC2046
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls one) <nine.hrs
	one_error hr-ship "stream 'made' is that of 'all', which may carry tenants that 'one' may not"
	# shellcheck disable=SC2046
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls all) <four.hrs
	one_error hr-ship "stream 'made' is of epoch 4, one of epoch 5 came before"
	finish good
	finish receiver
	cmp receiver.out <(stream -e 5 -t 2 500)
}

@test "a target that is ahead of an epoch has it refused" {
	receiver --checkpoint there.cp --exec 'take -c there.cp record'
	stream -e 3 100 | timeout 20 hr-ship --to "127.0.0.1:$PORT" --checkpoint here.cp
	[ "$(take -k here.cp)" = 100 ]
	stream -e 2 100 >old.hrs
	run -77 --separate-stderr timeout 20 hr-ship --to "127.0.0.1:$PORT" <old.hrs
	one_error hr-ship "stream 'made' is of epoch 2, the target is at 3"
}

@test "a thousand who say nothing, and some who say nonsense, cost a stream nothing" {
	local before

	certificates
	mkfifo slow hold
	# shellcheck disable=SC2046
	receiver --exec 'cat >out.hrs' --hello-timeout 3 $(tls there)
	timeout 60 peer idle "$PORT" 1000 <hold >idle.out 3>&- 4>&- &
	exec 7>hold
	wait_for 10 test -s idle.out
	stream -t 2 -r 200 400 >slow 3>&- 4>&- &
	# shellcheck disable=SC2046
	background good hr-ship --to "localhost:$PORT" $(tls all) <slow
	# A handshake that is begun and not finished: a record's beginning.
	printf '\x16\x03\x01\x02\x00\x01' | timeout 20 peer raw "$PORT" 3>&- 4>&- 7>&- &
	wait_for 5 test -s out.hrs
	# A stream of 200 frames a second flows meanwhile; who spins takes 100.
	is_idle "$(child receiver)" "with 1000 idle connections" 60
	[ "$(peak_kb "$(child receiver)")" -lt 150000 ] || fail "$(peak_kb "$(child receiver)") kB"
	finish good
	cmp out.hrs <(stream -t 2 400)
	exec 7>&-
	before=$(child receiver)
	few() { [ "$(ls "/proc/$before/fd" | wc -l)" -lt 15 ]; }
	wait_for 8 few
}

@test "without descriptors to spare the receiver neither spins nor keeps silent ones" {
	mkfifo hold
	rm -f port
	background receiver bash -c 'ulimit -n 40; exec hr-ship --listen 127.0.0.1:0 --port-file port --exec "cat >out.hrs" --hello-timeout 20'
	wait_for 5 test -s port
	PORT=$(cat port)
	timeout 60 peer idle "$PORT" 100 <hold >idle.out 3>&- 4>&- &
	exec 7>hold
	wait_for 10 test -s idle.out
	is_idle "$(child receiver)" "with no descriptors left"
	stream 100 >in.hrs
	timeout 20 hr-ship --to "127.0.0.1:$PORT" <in.hrs
	exec 7>&-
	cmp in.hrs out.hrs
	grep -q 'it had said nothing, and makes room' receiver.err
}

@test "a peer that reads nothing is not told more and more" {
	local pid

	mkfifo hold
	# Its checkpoint changes all the time.
	receiver --checkpoint there.cp --exec 'take -c there.cp record; sleep 9'
	stream 100000 | head -c -48 >cut.hrs
	pid=$(child receiver)
	timeout 60 peer deaf "$PORT" cut.hrs <hold 3>&- 4>&- &
	exec 7>hold
	sleep 4
	exec 7>&-
	[ "$(peak_kb "$pid")" -lt 120000 ] || fail "$(peak_kb "$pid") kB"
}

@test "a place that comes before any frame is not gone on from" {
	local lane='{"session":"0123456789abcdef0123456789abcdef","system":"7301234567890123456","timeline":"1","epoch":"0","database":"made","slot":"made"}'

	receiver --exec 'cat >out.hrs'
	stream 100 >in.hrs
	peer say '{"hr-ship":1,"role":"sender"}' "$lane" /dev/null | timeout 2 peer raw "$PORT" 3>&- 4>&- | strings >said || true
	run -0 --separate-stderr timeout 20 hr-ship --to "127.0.0.1:$PORT" <in.hrs
	cmp in.hrs out.hrs
}

@test "what is acknowledged before it was sent is not forgotten" {
	# Its end is not sent yet when it is said to have come.
	stream -b 40000000 2 >in.hrs
	PORT=$(free_port)
	background peer peer receive "$PORT" hello open stand data begin ack drain
	background sender hr-ship --to "127.0.0.1:$PORT" <in.hrs
	finish peer
	[ "$(tail -n 1 peer.out)" = drain ] || fail "$(cat peer.out)"
	grep -q 'the receiver acknowledges what was not sent' sender.err
	receiver_at "$PORT" --once --exec 'cat >out.hrs'
	finish sender
	finish receiver
	cmp in.hrs out.hrs
}

@test "an acknowledgement that comes when its lane is opened again is of no harm" {
	PORT=$(free_port)
	stream -b 3000 100 >in.hrs
	background peer peer receive "$PORT" hello open stand data data fail open ack stand data
	background sender hr-ship --to "127.0.0.1:$PORT" --spool spool --checkpoint here.cp <in.hrs
	finish peer
	grep -q 'waits in the spool.*its reader has gone' sender.err || fail "$(cat sender.err)"
	receiver_at "$PORT" --checkpoint there.cp --once --exec 'take -c there.cp record'
	finish sender
	finish receiver
	grep -v W record | cmp - <(seq 100)
}

@test "garbage in the clear, one's own kind, and what comes out of turn are refused" {
	local lane='{"session":"0123456789abcdef0123456789abcdef","system":"7301234567890123456","timeline":"1","epoch":"0","database":"made","slot":"made"}'
	local hello='{"hr-ship":1,"role":"sender"}'

	refused() {	# refused PATTERN: what comes on stdin is answered by that
		timeout 10 peer raw "$PORT" 3>&- 4>&- | strings >said
		grep -q "$1" said || fail "not '$1':" "$(cat said)"
	}
	receiver --exec 'cat >"out.$HR_SLOT"'
	stream 10 >in.hrs
	head -c 100000 /dev/urandom | refused 'does not speak as hr-ship does'
	printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' | refused 'does not speak as hr-ship does'
	peer say '{"hr-ship":1,"role":"receiver"}' - - | refused 'is a receiver too'
	peer say '{"role":"sender"}' - - | refused 'which version'
	peer say '[]' - - | refused 'not a JSON object'
	peer say - "$lane" - | refused "'O' where it should not"
	peer say "$hello" - in.hrs | refused 'a lane that is not open'
	peer say "$hello" '{"slot":"a"}' - | refused 'does not say whose it is'
	{ peer say "$hello" "$lane" -; peer say - "$lane" -; } | refused 'cannot be opened'
	printf '\xff\xff\xff\x3f\x48\0\0\0\0\0\0\0' | refused 'longer than one may be'
	sed 's/made/mode/' in.hrs >other.hrs
	peer say "$hello" "$lane" other.hrs | refused 'checksum'
	# All the same it serves the next.
	timeout 20 hr-ship --to "127.0.0.1:$PORT" <in.hrs
	cmp in.hrs out.made
}

@test "a certificate is read again when it was renewed, and a broken one is not" {
	certificates
	stream -t 2 50 >in.hrs
	# shellcheck disable=SC2046
	receiver --exec 'cat >/dev/null' $(tls there)
	# shellcheck disable=SC2046
	timeout 20 hr-ship --to "localhost:$PORT" $(tls all) <in.hrs
	echo nonsense >there.pem
	# shellcheck disable=SC2046
	timeout 20 hr-ship --to "localhost:$PORT" $(tls all) <in.hrs
	grep -q 'stays in use: cannot use TLS certificate' receiver.err
	certificate there ca 2 DNS:renewed
	# shellcheck disable=SC2046
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls all) <in.hrs
	one_error hr-ship 'ostname mismatch'
	# shellcheck disable=SC2046
	timeout 20 hr-ship --to "localhost:$PORT" --tls-name renewed $(tls all) <in.hrs
	# A new authority for the senders: those of the old one are strangers.
	authority ca
	# shellcheck disable=SC2046
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" --tls-name renewed $(tls all there) <in.hrs
}

@test "a stream that is refused is not carried for ever" {
	certificates
	stream -t 2 -b 2000 5000 >two.hrs
	# shellcheck disable=SC2046
	receiver --checkpoint there.cp --exec 'echo >>begun; cat >/dev/null' $(tls there)
	# shellcheck disable=SC2046
	run -77 --separate-stderr timeout 20 hr-ship --to "localhost:$PORT" $(tls one) <two.hrs
	one_error hr-ship "tenant 't0' may not be carried by this sender"
	rm begun
	# shellcheck disable=SC2046
	run -77 --separate-stderr timeout 30 hr-ship --to "localhost:$PORT" --spool spool --give-up 6 $(tls one) <two.hrs
	[[ $stderr == *"error: given up after "*"tenant 't0' may not be carried by this sender"* ]] || fail "$stderr"
	[ "$(wc -l <begun)" -le 3 ] || fail "$(wc -l <begun) commands"
}

@test "a tenant that may not be carried does not hold up another with a spool" {
	certificates
	stream -t 2 200 >two.hrs
	# shellcheck disable=SC2046
	receiver --by tenant --checkpoint %t.cp --exec 'take -c "$HR_CHECKPOINT" "$HR_TENANT"' $(tls there)
	# shellcheck disable=SC2046
	background sender hr-ship --to "localhost:$PORT" --spool spool $(tls one) <two.hrs
	wait_for 10 grep -q "tenant 't0' may not be carried by this sender" sender.err
	wait_for 10 test -s t1
	[ ! -e t0 ]
	! grep -q 'not connected' sender.err || fail "$(cat sender.err)"
}

@test "a tenant for whom there is no command waits until there is" {
	stream -t 2 200 >two.hrs
	# The command of a tenant that has nothing to come ends.
	receiver --by tenant --commands 1 --checkpoint %t.cp --exec 'take -c "$HR_CHECKPOINT" "$HR_TENANT"'
	timeout 30 hr-ship --to "127.0.0.1:$PORT" --spool spool <two.hrs 2>sender.err || fail "$(cat sender.err)"
	grep -q "'127.0.0.1' has 1 commands already" receiver.err
	grep -v W t0 | cmp - <(seq 2 2 200) || grep -v W t0 | cmp - <(seq 1 2 200)
	[ -s t1 ]
}

@test "a spool without a receiver gives up when it was told to" {
	certificates
	stream 10 >in.hrs
	run -75 --separate-stderr timeout 10 hr-ship --to 127.0.0.1:1 --spool spool --give-up 1 <in.hrs
	[[ $stderr == *"error: no receiver for 1 s; look at '127.0.0.1:1'"* ]] || fail "$stderr"
	# One that takes the connection, and says nothing.
	receiver --checkpoint there.cp --exec 'take -c there.cp record'
	proxy
	net stall
	# shellcheck disable=SC2046
	run -75 --separate-stderr timeout 30 hr-ship --to "localhost:$PROXY" --spool spool --give-up 6 $(tls all) <in.hrs
	[[ $stderr == *'does not finish its TLS handshake'*'no receiver for '* ]] || fail "$stderr"
	# What it kept is carried by the next.
	timeout 20 hr-ship --to "127.0.0.1:$PORT" --spool spool <in.hrs
	grep -v W record | cmp - <(seq 10)
}

# --- readers ---

@test "a reader that goes, is full, or ends too early is told of, and nothing spins" {
	stream 30000 >in.hrs
	# Standard output that is full, and that nobody reads.
	rm -f port
	timeout 60 hr-ship --listen 127.0.0.1:0 --port-file port >/dev/full 2>receiver.err 3>&- 4>&- &
	echo $! >receiver.pid
	wait_for 5 test -s port
	run -74 --separate-stderr timeout 20 hr-ship --to "127.0.0.1:$(cat port)" <in.hrs
	one_error hr-ship 'No space left on device'
	finish receiver 74
	rm -f port
	{ timeout 60 hr-ship --listen 127.0.0.1:0 --port-file port 2>receiver.err 3>&- 4>&- || echo $? >status; } | head -c 5000 >/dev/null &
	wait_for 5 test -s port
	run -75 --separate-stderr timeout 20 hr-ship --to "127.0.0.1:$(cat port)" <in.hrs
	wait_for 5 test -s status
	[ "$(cat status)" = 75 ]
	# Commands.
	receiver --exec 'case $(cat how) in early) head -c 5000 >/dev/null;; status) exit 65;; deaf) exec <&-; sleep 30;; esac'
	echo early >how
	run -75 --separate-stderr timeout 20 hr-ship --to "127.0.0.1:$PORT" <in.hrs
	one_error hr-ship 'ended before the stream did|reader has gone'
	echo status >how
	run -65 --separate-stderr timeout 20 hr-ship --to "127.0.0.1:$PORT" <in.hrs
	one_error hr-ship 'its command ended with status 65'
	echo deaf >how
	background sender hr-ship --to "127.0.0.1:$PORT" <in.hrs
	sleep 1
	is_idle "$(child receiver)" "with a command that does not read"
}

@test "a checkpoint that changes while no sender is there costs nothing" {
	receiver --checkpoint there.cp --exec 'cat >/dev/null; sleep 1; while :; do echo >there.tmp; mv there.tmp there.cp; sleep 0.02; done'
	mkfifo in
	(stream 10 | head -c -48; sleep 30) >in 3>&- 4>&- &
	background sender hr-ship --to "127.0.0.1:$PORT" <in
	sleep 1
	kill -KILL "$(child sender)"
	sleep 1
	is_idle "$(child receiver)" "with nobody to tell"
}

@test "whatever SIGCHLD was, a command's end is noticed" {
	rm -f port
	background receiver bash -c 'trap "" CHLD; exec hr-ship --listen 127.0.0.1:0 --port-file port --exec "cat >out.hrs"'
	wait_for 5 test -s port
	stream 100 >in.hrs
	timeout 10 hr-ship --to "127.0.0.1:$(cat port)" <in.hrs
	cmp in.hrs out.hrs
}

@test "a receiver that never answers is not waited for" {
	certificates
	stream 10 >in.hrs
	# It takes connections, and says nothing: no handshake is ever finished.
	receiver --exec 'cat >/dev/null'
	proxy
	net stall
	# shellcheck disable=SC2046
	run -75 --separate-stderr timeout 30 hr-ship --to "localhost:$PROXY" --give-up 7 $(tls all) <in.hrs
	[[ $stderr == *'does not answer as hr-ship does'* ]]
}
