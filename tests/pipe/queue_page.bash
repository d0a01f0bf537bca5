# queue_page.bash - hr-ship's two ends of a queue, with a made-up stream and targets
# that are files; and what the server has, as an administrator would ask it.
# shellcheck shell=bash disable=SC2016,SC2153,SC2154 # the server's names; ROOT, BATS_TEST_TMPDIR

STREAM=${O:-$ROOT/.build}/tool/stream
TAKE=${O:-$ROOT/.build}/tool/take

setup() {
	need nats-server
	need openssl
	need jq
	[ -x "$TAKE" ] || fail "no $TAKE: make tests"
	set -o pipefail
	cd "$BATS_TEST_TMPDIR" || return
	PORT=$(free_port)
	URL=nats://127.0.0.1:$PORT/Q
	NET=()
	export TAKE
}

# The commands of receivers are in process groups of their own, and end when their input does.
teardown() {
	local file

	for file in "$BATS_TEST_TMPDIR"/*.pid; do
		[ ! -s "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
	done
}

said() {
	printf '%s\n' "$@" >&2
	tail -n 30 ./*.err >&2
	return 1
}

# feed OPTION...: a made-up stream into the queue, from a spool, until it is there.
feed() {
	"$STREAM" "$@" | timeout 60 hr-ship --to "$URL" --spool spool --segment 64kB --checkpoint cp "${NET[@]}" 2>>to.err
}

# feed_on OPTION...: the same in the background, and then the source stays: to.pid.
feed_on() {
	rm -f fifo
	mkfifo fifo
	hr-ship --to "$URL" --spool spool --segment 64kB --checkpoint cp "${NET[@]}" <fifo 2>>to.err 3>&- 4>&- &
	echo $! >to.pid
	{ "$STREAM" "$@" | head -c -1; exec sleep 60; } >fifo 2>/dev/null 3>&- 4>&- &
	echo $! >from.pid
}

# receive NAME TENANT...: each into got.TENANT, as hr-apply would; NAME.pid.
receive() {
	local name=$1

	shift
	# shellcheck disable=SC2016 # the command's
	hr-ship --listen "$URL" "${@/#/--tenant=}" --checkpoint "at.%t" "${NET[@]}" \
	    --exec 'exec "$TAKE" -c "$HR_CHECKPOINT" "got.$HR_TENANT"' 2>>"$name.err" 3>&- 4>&- &
	echo $! >"$name.pid"
}

stop() {			# NAME [SIGNAL]
	kill "-${2:-TERM}" "$(cat "$1.pid")" || true
	wait "$(cat "$1.pid")" 2>/dev/null || true
	rm "$1.pid"
}

# expected NUMBER TENANTS ROWS: what tenant tNUMBER of so many has to have in the end.
expected() {
	seq $(($1 ? $1 : $2)) "$2" "$3"
}

# have ROWS TENANT...: these of three tenants have theirs, in order, each once.
have() {
	local rows=$1 t

	shift
	for t in "$@"; do
		cmp -s <(grep -v W "got.t$t") <(expected "$t" 3 "$rows") || return
	done
}

arrives() {
	wait_for 20 have "$@" || said "not the rows of $1 in ${*:2}" "$(wc -l got.*)"
}

# ask SUBJECT [TEXT]: what the server of JetStream says to it, JSON.
ask() {
	local line

	exec 5<>"/dev/tcp/127.0.0.1/$PORT"
	printf 'CONNECT {"verbose":false}\r\nSUB answer.%s 1\r\nPUB %s answer.%s %d\r\n%s\r\n' \
	    $$ "$1" $$ "${#2}" "${2:-}" >&5
	while read -r -t 5 line <&5; do
		[[ $line != MSG* ]] || { read -r -t 5 line <&5; break; }
	done
	exec 5>&-
	[[ $line == "{"* ]] || fail "$1: $line" || return
	printf '%s\n' "${line%$'\r'}"
}

# state FIELD [STREAM]: of the stream, such as .state.messages.
state() {
	ask "\$JS.API.STREAM.INFO.${2:-Q}" | jq -r "$1"
}

# is VALUE FIELD [STREAM]
is() {
	[ "$(state "${@:2}")" = "$1" ]
}

# messages: for each message its sequence, subject, id, and data in base64.
messages() {
	local n last

	last=$(state .state.last_seq)
	for ((n = $(state .state.first_seq); n <= last; n++)); do
		ask "\$JS.API.STREAM.MSG.GET.Q" "{\"seq\":$n}" | jq -r 'select(.message) | .message |
		    "\(.seq) \(.subject) \((.hdrs | @base64d | capture("\r\nNats-Msg-Id: (?<id>[^\r]*)")).id) \(.data)"'
	done
}

# again: the message in the file m once more, as it was but for its id, which gets '-N'.
again() {
	local size line

	jq -r .message.hdrs m | base64 -d | sed "s/^\(Nats-Msg-Id: [^\r]*\)/\1-again/; /^Nats-Expected/d" >m.head
	jq -r .message.data m | base64 -d >m.data
	size=$(stat -c %s m.head)
	exec 5<>"/dev/tcp/127.0.0.1/$PORT"
	{
		printf 'CONNECT {"verbose":false,"headers":true}\r\nHPUB %s %d %d\r\n' \
		    "$(jq -r .message.subject m)" "$size" $((size + $(stat -c %s m.data)))
		cat m.head m.data
		printf '\r\nPING\r\n'
	} >&5
	while read -r -t 5 line <&5 && [ "${line%$'\r'}" != PONG ]; do :; done
	exec 5>&-
	[ "${line%$'\r'}" = PONG ]
}

equal() {
	[ "$1" = "$2" ] || fail "expected: $1" "     got: $2"
}

# make STREAM [JSON]: as somebody else would make it, like hr-ship but for what the JSON says.
make() {
	local config

	config=$(jq -cn --arg name "$1" '{name: $name, subjects: [$name + ".>"], retention: "workqueue",
	    storage: "file", discard: "new", num_replicas: 1} + '"${2:-{\}}")
	ask "\$JS.API.STREAM.CREATE.$1" "$config" | jq -e .config >/dev/null || fail "not made: $config"
}

# so_many NUMBER: rows that targets have by now, at least.
so_many() {
	[ "$(cat got.t? | grep -vc W)" -ge "$1" ]
}

# cluster: three servers in js1 to js3, on PORT and two ports more; 1.pid to 3.pid.
cluster() {
	local i
	local -a port route

	port=("$PORT" "$(free_port)" "$(free_port)")
	route=("$(free_port)" "$(free_port)" "$(free_port)")
	for i in 0 1 2; do
		cat >$((i + 1)).conf <<-CONF
		server_name: n$((i + 1))
		listen: "127.0.0.1:${port[i]}"
		jetstream { store_dir: "$PWD/js$((i + 1))" }
		cluster { name: c, listen: "127.0.0.1:${route[i]}", routes: [
		    "nats://127.0.0.1:${route[0]}", "nats://127.0.0.1:${route[1]}", "nats://127.0.0.1:${route[2]}"] }
		CONF
		echo "${port[i]}" >$((i + 1)).port
		node $((i + 1))
	done
	wait_for 20 elected || { tail server.log; return 1; }
}

node() {
	nats-server -c "$1.conf" >>server.log 2>&1 3>&- 4>&- &
	echo $! >"$1.pid"
}

elected() {
	ask '$JS.API.INFO' 2>/dev/null | jq -e .limits >/dev/null
}

# Keys and JWTs of NATS, as nsc(1) makes them.

# base32 of the bytes in hex, with their CRC-16 behind them.
nkey() {			# HEX
	local i j crc=0 hex=$1

	for ((i = 0; i < ${#hex}; i += 2)); do
		crc=$((crc ^ 0x${hex:i:2} << 8))
		for ((j = 0; j < 8; j++)); do
			crc=$(((crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff))
		done
	done
	hex=$(printf '%s%02x%02x' "$hex" $((crc & 255)) $((crc >> 8)) | sed 's/../\\x&/g')
	printf '%b' "$hex" | base32 -w 0 | tr -d =
}

hex() {
	od -An -v -tx1 | tr -d ' \n'
}

# key NAME PREFIX: the key NAME.key, its public form in NAME.public and its seed in NAME.seed.
key() {
	local public seed

	openssl genpkey -algorithm ed25519 -out "$1.key"
	public=$(openssl pkey -in "$1.key" -pubout -outform DER | tail -c 32 | hex)
	seed=$(openssl pkey -in "$1.key" -outform DER | tail -c 32 | hex)
	nkey "$(printf '%02x' "$2")$public" >"$1.public"
	nkey "$(printf '%02x%02x' $((0x90 | $2 >> 5)) $((($2 & 31) << 3)))$seed" >"$1.seed"
}

base64url() {
	base64 -w 0 | tr '+/' '-_' | tr -d =
}

# jwt ISSUER SUBJECT JSON: what the issuer says of the subject.
jwt() {
	local said

	said=$(printf '{"typ":"JWT","alg":"ed25519-nkey"}' | base64url).$(jq -cj --arg iss "$(cat "$1.public")" \
	    --arg sub "$(cat "$2.public")" --arg name "$2" \
	    '{jti: $name, iat: 1700000000, iss: $iss, sub: $sub, name: $name, nats: .}' <<<"$3" | base64url)
	printf '%s' "$said" >signed
	printf '%s.%s' "$said" "$(openssl pkeyutl -sign -rawin -inkey "$1.key" -in signed | base64url)"
}

# creds USER: the file of a user of the account.
creds() {
	printf -- '-----BEGIN NATS USER JWT-----\n%s\n------END NATS USER JWT------\n\n' "$(jwt "${2:-account}" "$1" \
	    '{"pub":{},"sub":{},"subs":-1,"data":-1,"payload":-1,"type":"user","version":2}')"
	printf -- '-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n' "$(cat "$1.seed")"
}

# operated: a server with an operator and an account, and home.creds, a user of it.
operated() {
	local n limits='"subs":-1,"conn":-1,"leaf":-1,"imports":-1,"exports":-1,"data":-1,"payload":-1,"wildcards":true'

	key operator 112
	for n in account system; do key $n 0; done
	key home 160
	server "operator: $(jwt operator operator '{"type":"operator","version":2}')" \
	    "system_account: $(cat system.public)" "resolver: MEMORY" "resolver_preload: {" \
	    "$(cat system.public): $(jwt operator system "{\"limits\":{$limits},\"type\":\"account\",\"version\":2}")" \
	    "$(cat account.public): $(jwt operator account "{\"limits\":{$limits,\"mem_storage\":-1,\"disk_storage\":-1,
	    \"streams\":-1,\"consumer\":-1},\"type\":\"account\",\"version\":2}")" "}" || fail "$(cat server.log)"
	creds home >home.creds
	chmod 600 home.creds
}
