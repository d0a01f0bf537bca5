# ship.bash - the case ship of tests/bench/run: hr-ship against openssl, on loopback and over a long link.
# shellcheck shell=bash disable=SC2034,SC2154 # of tests/bench/run: failed; work, here, root, results
#
# loopback  a file from the page cache through each contender, turn and turn about:
#           openssl is s_client and s_server, bulk is bulk.c, which does nothing but
#           to carry bytes; CPU seconds are those of both ends
# link      60 ms there and back, 0.1 % loss, 100 Mbit/s: what arrives of a stream that
#           does not end, by the receiver's interface (wire) and by who reads it there
# back      from a watermark at the sender to its checkpoint at the sender

: "${SHIP_BYTES:=1000000000}"	# of the large stream, about
: "${SHIP_SMALL:=1000000}"	# transactions of the small ones
: "${SHIP_RUNS:=5}"
: "${SHIP_SECONDS:=20}"		# over the link, each
: "${SHIP_CONGESTION:=bbr cubic}"
: "${SHIP_RATES:=100 1000}"	# watermarks a second
: "${SHIP_PARTS:=loopback back link}"

ship_port=17600

ship_certificates() {
	(
		umask 077
		cd "$work" || exit
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca
		ship_certificate server "DNS:localhost,IP:127.0.0.1,IP:10.9.0.2"
		ship_certificate client "URI:hr:tenant:*"
	) >/dev/null 2>&1
	client=(--tls-cert "$work/client.pem" --tls-key "$work/client.key" --tls-ca "$work/ca.pem")
	server=(--tls-cert "$work/server.pem" --tls-key "$work/server.key" --tls-ca "$work/ca.pem")
}

ship_certificate() {		# NAME SUBJECTALTNAME
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
	    -extfile <(echo "subjectAltName=$2") -out "$1.pem"
}

# Who sends and who receives, in sender and receiver, at the next port.
ship_ends() {			# CONTENDER HOST
	local at

	at=$2:$((++ship_port))
	case $1 in
	hr*)
		sender=(hr-ship --to "$at" --give-up 20) receiver=(hr-ship --listen "$at" --once)
		case $1 in
		*-plain) sender+=(--insecure) receiver+=(--insecure) ;;
		*) sender+=("${client[@]}") receiver+=("${server[@]}") ;;
		esac
		;;
	openssl)
		sender=(openssl s_client -connect "$at" -tls1_3 -CAfile "$work/ca.pem" -nocommands -quiet -no_ign_eof)
		receiver=(openssl s_server -accept "$at" -cert "$work/server.pem" -key "$work/server.key" -tls1_3
		    -ciphersuites TLS_AES_256_GCM_SHA384 -quiet -naccept 1)
		;;
	bulk)
		sender=("$work/bulk" send "$2" "$ship_port" "$work/ca.pem")
		receiver=("$work/bulk" receive "$2" "$ship_port" "$work/server.pem" "$work/server.key")
		;;
	bulk-plain)
		sender=("$work/bulk" send "$2" "$ship_port")
		receiver=("$work/bulk" receive "$2" "$ship_port")
		;;
	esac
}

# Until somebody listens at the port; in the namespace, if one is named.
ship_listens() {		# [NETNS]
	local i

	for ((i = 0; i < 500; i++)); do
		! ${1:+ip netns exec "$1"} grep -qi "$(printf ':%04X 00000000:0000 0A' $ship_port)" /proc/net/tcp || return 0
		sleep 0.02
	done
	note "nobody listens at port $ship_port"
	return 1
}

# --- loopback ---

# One transfer, from when the sender starts until the receiver's reader has all.
ship_once() {			# CONTENDER FILE RUN
	local begin ended pid bytes cpu

	bytes=$(stat -c %s "$2")
	ship_ends "$1" 127.0.0.1
	# s_server ends with its input, which so does not.
	timeout 300 "$work/rusage" "$work/ship.rx" "${receiver[@]}" <"$work/hold" 2>"$work/ship.err" | wc -c >"$work/ship.count" &
	pid=$!
	ship_listens
	begin=${EPOCHREALTIME/[.,]/}
	timeout 300 "$work/rusage" "$work/ship.tx" "${sender[@]}" <"$2" >/dev/null 2>>"$work/ship.err" &
	wait "$pid" || true
	ended=${EPOCHREALTIME/[.,]/}
	wait $! || true
	if [ "$(cat "$work/ship.count")" != "$bytes" ]; then
		note "$1: $(cat "$work/ship.count") of $bytes bytes arrived: $(head -n 3 "$work/ship.err")"
		failed=1
		return 0
	fi
	cpu=$(awk '{ t += $2 + $3 } END { print t }' "$work/ship.rx" "$work/ship.tx")
	result workload '"ship"' part '"loopback"' file "\"${2##*/}\"" contender "\"$1\"" run "$3" bytes "$bytes" \
	    us $((ended - begin)) cpu_s "$cpu" sender_cpu_s "$(awk '{ print $2 + $3 }' "$work/ship.tx")" \
	    sender_rss_kb "$(awk '{ print $4 }' "$work/ship.tx")" receiver_rss_kb "$(awk '{ print $4 }' "$work/ship.rx")"
}

ship_file() {			# FILE CONTENDER...
	local file=$1 run c

	shift
	cat "$work/$file" >/dev/null
	for ((run = 1; run <= SHIP_RUNS; run++)); do
		for c; do
			ship_once "$c" "$work/$file" $run
		done
	done
	printf '%-10s %-12s %11s %11s %11s %11s  %s\n' loopback contender 'MB/s median' 'MB/s best' 'CPU s/GB' 'of it, sends' 'of openssl, of bulk'
	jq -rs --arg file "$file" 'def middle: sort | .[(length - 1) / 2 | floor]; def r: . * 100 | round / 100;
	    map(select(.workload == "ship" and .part == "loopback" and .file == $file)) | group_by(.contender) | map({
		contender: .[0].contender, speed: (map(.bytes / .us) | middle), best: (map(.bytes / .us) | max),
		cpu: (map(.cpu_s / .bytes * 1e9) | middle), sends: (map(.sender_cpu_s / .bytes * 1e9) | middle) }) |
	    (map({ (.contender): . }) | add) as $all | sort_by(-.speed)[] |
	    [$file, .contender, (.speed | round), (.best | round), (.cpu | r), (.sends | r),
	    (if .contender | endswith("-plain") then "" else (.speed / ($all.openssl.speed // infinite) | r | tostring) + " times, " end) +
	    (.speed / ($all[if .contender | endswith("-plain") then "bulk-plain" else "bulk" end].speed // infinite) | r | tostring)] | @tsv' \
	    "$results" | while IFS=$'\t' read -r -a row; do
		printf '%-10s %-12s %11s %11s %11s %11s  %s\n' "${row[@]}"
	done
	echo
}

ship_loopback() {
	ship_file large hr openssl bulk hr-plain bulk-plain
	ship_file small hr openssl bulk hr-plain bulk-plain
}

# --- the link ---

# By sch_netem where there is one, else by link.c.
ship_join() {
	near=hrb$$a far=hrb$$b
	for n in "$near" "$far"; do
		ip netns add "$n"
		echo "$n" >>"$work/netns"
		ip -n "$n" link set lo up
	done
	ip -n "$near" link add hr0 type veth peer name hr0 netns "$far"
	how=netem
	for n in "$near" "$far"; do
		tc -n "$n" qdisc add dev hr0 root netem delay 30ms loss 0.1% rate 100mbit limit 800 2>/dev/null || how=link.c
	done
	if [ "$how" = netem ]; then
		# A packet is one of the wire's, for loss and for the limit.
		for n in "$near" "$far"; do
			ip -n "$n" link set dev hr0 gso_max_segs 1
		done
	else
		ip -n "$near" link del hr0
		for n in "$near" "$far"; do
			ip -n "$n" tuntap add mode tun name hr0
		done
		"$work/link" -d 30 -l 0.1 -r 1e8 "$near:hr0" "$far:hr0" >"$work/link.ready" 2>/dev/null &
		echo $! >"$work/link.pid"
	fi
	ip -n "$near" addr add 10.9.0.1 peer 10.9.0.2 dev hr0
	ip -n "$far" addr add 10.9.0.2 peer 10.9.0.1 dev hr0
	ip -n "$near" link set hr0 up
	ip -n "$far" link set hr0 up
}

ship_unlink() {
	[ ! -f "$work/link.pid" ] || { kill "$(cat "$work/link.pid")" 2>/dev/null || true; rm "$work/link.pid"; }
	while read -r n; do
		ip netns del "$n"
	done <"$work/netns"
	rm "$work/netns"
}

# Bytes that came to the receiver's interface, that its reader has read, and that hr-compress -d has written.
ship_counts() {			# PID
	ip -n "$far" -s -j link show dev hr0 | jq '.[0].stats64.rx.bytes'
	awk '$1 == "rchar:" || $1 == "wchar:" { print $2 }' "/proc/$1/io"
}

# What flows, after five seconds to begin.
ship_flow() {			# CONGESTION CONTENDER FILE [compress]
	local reader=(wc -c) source=(cat "$work/$3") pids before after n
	local name=$2

	[ -z "${4:-}" ] || { reader=(hr-compress -d) source=(hr-compress); name="hr-compress | $2"; }
	# A namespace may not have every one as its default; a route may.
	ip -n "$near" route replace 10.9.0.2 dev hr0 src 10.9.0.1 congctl "$1"
	ship_ends "$2" 10.9.0.2
	timeout 100 ip netns exec "$far" "${receiver[@]}" <"$work/hold" 2>"$work/ship.err" > >(
		echo "$BASHPID" >"$work/reader"
		exec "${reader[@]}" >/dev/null 2>&1) &
	pids=($!)
	ship_listens "$far"
	timeout 100 "${source[@]}" <"$work/$3" 2>/dev/null |
	    timeout 100 ip netns exec "$near" "${sender[@]}" >/dev/null 2>>"$work/ship.err" &
	pids+=($! "$(cat "$work/reader")")
	sleep 5
	mapfile -t before < <(ship_counts "${pids[2]}")
	n=$(ms)
	sleep "$SHIP_SECONDS"
	mapfile -t after < <(ship_counts "${pids[2]}")
	n=$(($(ms) - n))
	kill "${pids[@]:0:2}" 2>/dev/null || true
	wait "${pids[@]:0:2}" 2>/dev/null || true
	result workload '"ship"' part '"link"' contender "\"$name\"" file "\"$3\"" congestion "\"$1\"" ms "$n" \
	    wire $((after[0] - before[0])) arrived $((after[1] - before[1])) written $((after[2] - before[2]))
	printf '%-8s %-24s %-8s %12s %12s %14s\n' "$1" "$name" "$3" \
	    "$(awk "BEGIN { printf \"%.1f\", $((after[0] - before[0])) * 8 / $n / 1000 }")" \
	    "$(awk "BEGIN { printf \"%.1f\", $((after[1] - before[1])) * 8 / $n / 1000 }")" \
	    "$([ -z "${4:-}" ] || awk "BEGIN { printf \"%.1f\", $((after[2] - before[2])) / $n / 1000 }")"
}

ship_link() {
	local near far n how cc

	if [ "$(id -u)" != 0 ]; then
		note "the link needs root"
		return 0
	fi
	ship_join
	printf '%-8s %-24s %-8s %12s %12s %14s  %s\n' TCP contender file 'wire Mbit/s' 'read Mbit/s' 'unpacked MB/s' \
	    "(60 ms, 0.1 % loss, 100 Mbit/s by $how)"
	for cc in $SHIP_CONGESTION; do
		grep -qw "$cc" /proc/sys/net/ipv4/tcp_available_congestion_control || continue
		ship_flow "$cc" openssl packed
		ship_flow "$cc" bulk packed
		ship_flow "$cc" hr packed
		ship_flow "$cc" hr large
		ship_flow "$cc" hr large compress
	done
	ship_unlink
	echo
}

# --- the way back ---

ship_rate() {			# RATE
	local g=$work/far.cp f=$work/near.cp pid

	rm -f "$g" "$f"
	ship_ends hr 127.0.0.1
	timeout 120 "${receiver[@]}" --checkpoint "$g" 2>"$work/ship.err" | timeout 120 "$work/acknowledge" "$g" &
	pid=$!
	ship_listens
	timeout 120 "$work/back" "$f" "$1" $(($1 * 10)) "$work/back.json" |
	    timeout 120 "${sender[@]}" --checkpoint "$f" 2>>"$work/ship.err" || failed=1
	wait "$pid" || failed=1
	result workload '"ship"' part '"back"' back "$(cat "$work/back.json")"
	jq -r '"back at \(.rate) a second: p50 \(.p50) ms, p90 \(.p90), p99 \(.p99), max \(.max)"' "$work/back.json"
}

ship_back() {
	local rate

	for rate in $SHIP_RATES; do
		ship_rate "$rate"
	done
	echo
}

bench_ship() {
	local client server sender receiver n flags=(-O2 -std=gnu11 -D_GNU_SOURCE -pthread -I"$root/lib")

	for n in link bulk; do
		"${CC:-cc}" "${flags[@]}" -o "$work/$n" "$here/$n.c" -lssl -lcrypto
	done
	for n in "$here/back" "$here/../tool/acknowledge" "$here/../tool/stream"; do
		"${CC:-cc}" "${flags[@]}" -o "$work/${n##*/}" "$n.c" "$O/libhr.a" -ljansson
	done
	ship_certificates
	mkfifo "$work/hold"
	exec 9<>"$work/hold"
	"$work/stream" -b 4000 $((SHIP_BYTES / 4100)) >"$work/large"
	"$work/stream" "$SHIP_SMALL" >"$work/small"
	hr-compress <"$work/large" >"$work/packed"
	for n in $SHIP_PARTS; do
		"ship_$n"
	done
	exec 9>&-
}
