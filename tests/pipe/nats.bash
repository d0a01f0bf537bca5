# nats.bash - a nats-server with JetStream, in the work directory of a test, on $PORT.
# shellcheck shell=bash

# server [CONF LINE]...: JetStream in ./js, on $PORT.  server -: without JetStream.
# shellcheck disable=SC2153 # PORT: the caller's
server() {
	{
		printf 'listen: "127.0.0.1:%s"\n' "$PORT"
		[ "${1:-}" = - ] || printf 'jetstream { store_dir: "%s/js" }\n' "$PWD"
		[ "${1:-}" != - ] || shift
		printf '%s\n' "$@"
	} >server.conf
	restart
}

restart() {
	nats-server -c server.conf >>server.log 2>&1 3>&- 4>&- &
	echo $! >server.pid
	wait_for 5 listens || { cat server.log; return 1; }
}

listens() {
	(: <"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

kill_server() {
	kill -KILL "$(cat server.pid)"
	wait "$(cat server.pid)" 2>/dev/null || true
}

# api SUBJECT [JSON]: what the server says to a request of JetStream.
api() {
	local inbox=_api.$RANDOM$RANDOM json=${2:-} line

	exec 6<>"/dev/tcp/127.0.0.1/$PORT"
	printf 'CONNECT {"verbose":false}\r\nSUB %s 1\r\nPUB %s %s %d\r\n%s\r\n' "$inbox" "\$JS.API.$1" "$inbox" \
	    "${#json}" "$json" >&6
	while IFS= read -r -t 5 -u 6 line && [[ $line != MSG* ]]; do :; done
	IFS= read -r -t 5 -u 6 line
	exec 6>&-
	printf '%s\n' "${line%$'\r'}"
}

# ca.pem, and server.pem and client.pem that it has signed; other.pem, another one.
certificates() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout other.key -out other.pem
	for name in server client; do
		openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout $name.key -out $name.csr
		openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $name.pem \
		    -extfile <(echo "subjectAltName=${1:-IP:127.0.0.1}")
	done
}
