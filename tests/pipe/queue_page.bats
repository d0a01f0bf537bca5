# What hr-ship(1) says of a queue, told from its page alone: what is in the
# stream of NATS, how long, and what comes of it when somebody interferes.

# shellcheck disable=SC2016,SC2034,SC2153,SC2154 # the server's names; NET and PORT: queue_page.bash; bats' own

load ../lib
load nats
load queue_page

@test "each message is a stream by itself, on the subject of its tenant" {
	local n subject data

	need zstd
	server
	for n in 60 120 180; do
		feed -n 'A.b c-é_%*>' -t 3 -w 20 $n || said
	done
	state .config >config
	jq -e '.subjects == ["Q.>"] and .storage == "file" and .retention == "workqueue" and .discard == "new"' config ||
	    fail "$(cat config)"
	messages >all
	[ "$(wc -l <all)" -ge 9 ] || fail "$(cut -c1-200 all)"
	[ -z "$(cut -d' ' -f3 all | sort | uniq -d)" ] || fail "an id twice"
	equal "$(printf 'Q.A%%2Eb%%20c-%%C3%%A9_%%25%%2A%%3E%d\n' 0 1 2)" "$(cut -d' ' -f2 all | sort -u)"
	while read -r n subject _ data; do
		base64 -d <<<"$data" | zstd -dcq >"$n.hrs" || fail "message $n"
		"$TAKE" "got.t${subject: -1}" <"$n.hrs" || fail "message $n, $subject"
	done <all
	have 180 0 1 2 || fail "$(cat got.*)"
}

@test "what is not in the target's checkpoint stays in the queue, and the last message of each tenant" {
	server
	feed -t 3 -w 10 300 || said
	feed -t 3 -w 10 600 || said
	state .state.messages >count
	# A reader that has had all, and says nothing.
	hr-ship --listen "$URL" --tenant t0 --tenant t1 --tenant t2 --checkpoint 'none.%t' \
	    --exec 'exec cat >>read' 2>>none.err 3>&- 4>&- &
	echo $! >none.pid
	wait_for 10 grown || said
	stop none KILL
	is "$(cat count)" .state.messages || fail "$(state .state) of $(cat count)"
	receive one t0 t1 t2
	arrives 600 0 1 2
	wait_for 10 is 3 .state.messages || fail "$(state .state)"
}

grown() {
	[ "$(stat -c %s read)" -gt 100000 ]
}

@test "a sender whose spool was lost with its host loses nothing, and doubles nothing" {
	server
	feed -t 3 -w 10 300 || said
	rm -rf spool cp
	# From the beginning, with some of it new.
	feed -t 3 -w 10 600 || said
	receive one t0 t1 t2
	arrives 600 0 1 2
	stop one
	feed -s 600 -t 3 -w 10 900 || said
	rm -rf spool
	# From where the sender's checkpoint was, which the target has not reached.
	feed -s 900 -t 3 -w 10 1200 || said
	receive one t0 t1 t2
	arrives 1200 0 1 2
}

@test "what the target does not have stays in the spool, though the queue has it, and leaves it then" {
	local full rows

	server
	for rows in 300 600 900 1200; do
		feed -b 3000 -t 3 -w 10 $rows || said
	done
	full=$(du -sb spool | cut -f1)
	receive one t0
	arrives 1200 0
	# Nobody has had t1 and t2, of which the queue loses all.
	ask '$JS.API.STREAM.PURGE.Q' '{}' | jq -e .success || fail "not purged"
	receive two t1 t2
	feed_on -b 3000 -t 3 -w 10 1200
	arrives 1200 0 1 2
	stop to
	stop from
	# The newest segments stay, and some may go only with what comes next.
	feed -b 3000 -t 3 -w 10 1500 || said
	arrives 1500 0 1 2
	feed_on -b 3000 -t 3 -w 10 1800
	wait_for 15 shrunk $((full / 2)) || fail "$(du -sb spool) of $full"
}

shrunk() {
	[ "$(du -sb spool | cut -f1)" -lt "$1" ]
}

@test "a message that is in the queue twice is handed on once" {
	local i last

	server
	feed -t 3 -w 10 300 || said
	feed -t 3 -w 10 600 || said
	# Each once more, under an id of its own, as if the server had forgotten the other.
	last=$(state .state.last_seq)
	for ((i = 1; i <= last; i++)); do
		ask '$JS.API.STREAM.MSG.GET.Q' "{\"seq\":$i}" >m
		again || fail "$i"
	done
	is $((last * 2)) .state.messages || fail "$(state .state)"
	# With what a reader is given kept, for it may itself leave out what it has.
	hr-ship --listen "$URL" --tenant t0 --tenant t1 --tenant t2 --checkpoint 'at.%t' \
	    --exec 'tee "given.$HR_TENANT" | "$TAKE" -c "$HR_CHECKPOINT" "got.$HR_TENANT"' 2>>one.err 3>&- 4>&- &
	echo $! >one.pid
	arrives 600 0 1 2
	feed -t 3 -w 10 900 || said
	arrives 900 0 1 2
	wait_for 10 is 3 .state.messages || fail "$(state .state)"
	for i in 0 1 2; do
		equal 300 "$(hr-transform --dump <given.t$i 2>/dev/null | grep -c '"insert"')"
	done
}

@test "a queue whose disk was lost beneath both ends is a delay" {
	server
	receive one t0 t1 t2
	feed_on -r 300 -t 3 -w 10 1500
	wait_for 10 so_many 200 || said
	kill_server
	rm -rf js
	restart
	# It takes some 20 seconds.
	wait_for 60 have 1500 0 1 2 || said "$(wc -l got.*)"
	kill -0 "$(cat one.pid)" "$(cat to.pid)" || said
}

@test "a stream that is deleted beneath both ends is made again" {
	server
	receive one t0 t1 t2
	feed_on -r 300 -t 3 -w 10 1500
	wait_for 10 so_many 200 || said
	ask '$JS.API.STREAM.DELETE.Q' | jq -e .success || fail "not deleted"
	wait_for 20 grep -q 'hr-ship: warning: the queue .*; the stream waits in the spool' to.err || said
	wait_for 40 have 1500 0 1 2 || said "$(wc -l got.*)"
	! grep 'another receiver took the consumer over' one.err || said
}

@test "a bucket that is deleted beneath both ends is made again" {
	server
	receive one t0 t1 t2
	feed_on -r 300 -t 3 -w 10 1500
	wait_for 10 so_many 200 || said
	ask '$JS.API.STREAM.DELETE.KV_hr-Q' | jq -e .success || fail "not deleted"
	wait_for 60 have 1500 0 1 2 || said "$(wc -l got.*)"
	grep -q "bucket 'hr-Q' was gone, and is made again" one.err to.err || said
}

@test "a queue that is deleted, stream and bucket, is made again beneath both ends" {
	server
	receive one t0 t1 t2
	feed_on -r 300 -t 3 -w 10 1500
	wait_for 10 so_many 200 || said
	ask '$JS.API.STREAM.DELETE.Q' | jq -e .success || fail "not deleted"
	ask '$JS.API.STREAM.DELETE.KV_hr-Q' | jq -e .success || fail "not deleted"
	wait_for 60 have 1500 0 1 2 || said "$(wc -l got.*)"
}

@test "a server that has no room is a full queue, from which nothing is dropped" {
	server
	kill_server
	sed -i 's/jetstream {/jetstream { max_file_store: 2000000,/' server.conf
	restart
	feed_on -b 3000 -t 3 -w 10 2400
	wait_for 10 grep -q 'the queue is full: .*; the stream waits in the spool' to.err || said
	is 1 .state.first_seq || fail "$(state .state)"
	receive one t0 t1 t2
	wait_for 20 grep -q 'the queue goes on' to.err || said
	arrives 2400 0 1 2
}

@test "a stream of somebody else that would drop messages is refused at either end" {
	local why json n=0

	server
	while read -r json why; do
		n=$((n + 1))
		make X$n "$json"
		"$STREAM" -t 3 60 >one.hrs
		run -78 --separate-stderr timeout 10 hr-ship --to "nats://127.0.0.1:$PORT/X$n" --spool spool$n <one.hrs
		one_error hr-ship "stream 'X$n' $why"
		run -78 --separate-stderr timeout 10 hr-ship --listen "nats://127.0.0.1:$PORT/X$n" --tenant t0 \
		    --checkpoint at$n --exec true
		one_error hr-ship "stream 'X$n' $why"
		equal 0 "$(state .state.messages X$n)"
	done <<-'WHY'
	{discard:"old",max_bytes:8000000} discards old messages when it is full; nats stream edit X1 --discard new
	{retention:"limits"} is no work queue; .*nats stream rm X2
	{retention:"interest"} is no work queue; .*nats stream rm X3
	{storage:"memory"} is kept in memory; .*nats stream rm X4
	{no_ack:true} does not acknowledge; nats stream edit X5 --ack
	WHY
}

@test "a command that fails holds up its tenant alone, and that one comes after it was mended" {
	server
	cat >command.sh <<-'SH'
	[ "$HR_TENANT" != t1 ] || [ -e mended ] || { echo broken >&2; exit 75; }
	exec "$TAKE" -c "$HR_CHECKPOINT" "got.$HR_TENANT"
	SH
	hr-ship --listen "$URL" --tenant t0 --tenant t1 --tenant t2 --checkpoint 'at.%t' --exec 'sh ./command.sh' \
	    2>>one.err 3>&- 4>&- &
	echo $! >one.pid
	feed -t 3 -w 10 300 || said
	feed -t 3 -w 10 600 || said
	arrives 600 0 2
	wait_for 5 grep -q "tenant 't1' waits in the queue: .*status 75" one.err || said
	[ ! -e got.t1 ]
	touch mended
	arrives 600 1
}

@test "a target that was set back gets what it has lost from the spool, and nothing twice" {
	server
	feed -t 3 -w 10 300 || said
	receive one t0 t1 t2
	arrives 300 0 1 2
	stop one
	mkdir old
	cp got.* at.* old
	feed -t 3 -w 10 600 || said
	receive one t0 t1 t2
	arrives 600 0 1 2
	wait_for 10 is 3 .state.messages || fail "$(state .state)"
	stop one KILL
	cp old/* .
	receive one t0 t1 t2
	wait_for 10 grep -q "messages are missing in the queue" one.err || said
	feed -t 3 -w 10 900 || said
	arrives 900 0 1 2
}

@test "what a source that was fenced off still publishes does not reach the target" {
	server
	receive one t0 t1 t2
	feed -t 3 -w 10 300 || said
	arrives 300 0 1 2
	mv spool old
	feed -e 1 -s 300 -t 3 -w 10 600 || said
	arrives 600 0 1 2
	mv spool new
	mv old spool
	feed -s 300 -t 3 -w 10 900 || said
	wait_for 10 grep -q 'epoch 0' one.err || said
	have 600 0 1 2 || said "$(tail -n 2 got.*)"
	# Nor does it hinder what the new one publishes.
	rm -rf spool
	mv new spool
	feed -e 1 -s 600 -t 3 -w 10 1200 || said
	arrives 1200 0 1 2
	wait_for 10 is 3 .state.messages || said "$(state .state)"
}

@test "--give-up ends with 75 when there is no server, and what was kept goes out later" {
	server
	feed -t 3 -w 10 300 || said
	kill_server
	run -75 --separate-stderr bash -c '"$1" -t 3 -w 10 600 | hr-ship --to "$2" --give-up 2 --spool spool --segment 64kB \
	    --checkpoint cp' - "$STREAM" "$URL"
	one_error hr-ship "no receiver for 2 s"
	restart
	receive one t0 t1 t2
	# From where the checkpoint is: the spool has what is before.
	feed -s 600 -t 3 -w 10 900 || said
	arrives 900 0 1 2
}

@test "a sender that is started again publishes no row a second time" {
	local i

	need zstd
	server
	feed -t 3 -w 10 300 || said
	feed -t 3 -w 10 300 || said
	feed_on -t 3 -w 10 600
	wait_for 10 quiet || said
	stop to KILL
	stop from KILL
	feed -t 3 -w 10 600 || said
	messages >all
	while read -r _ _ _ i; do
		base64 -d <<<"$i" | zstd -dcq | hr-transform --dump
	done <all >dump
	equal 600 "$(grep -c '"insert"' dump)"
	# All of them: there is no other who would have them.
	receive one t0 t1 t2
	arrives 600 0 1 2
}

# The queue has all that the sender has been sent, up to the last watermark.
quiet() {
	[ "$(state .state.last_seq)" = "$(sleep 1; state .state.last_seq)" ]
}

@test "three replicas: the leader is killed, and what was acknowledged is not lost" {
	NET=(--nats-replicas 3)
	cluster
	receive one t0 t1 t2
	feed_on -r 300 -t 3 -w 10 1200
	wait_for 20 so_many 200 || said
	equal "3 3" "$(state .config.num_replicas) $(state .config.num_replicas KV_hr-Q)"
	wait_for 20 led_elsewhere || said "$(state .cluster)"
	state .cluster.leader | tr -d n >leader
	stop "$(cat leader)" KILL
	wait_for 10 led_elsewhere || said "$(state .cluster)"
	node "$(cat leader)"
	wait_for 20 current || said "$(state .cluster)"
	wait_for 30 have 1200 0 1 2 || said "$(wc -l got.*)"
}

# By another server than that of the URL, to which the sender is connected.
led_elsewhere() {
	[[ $(state .cluster.leader) = n[23] ]] || ! ask '$JS.API.STREAM.LEADER.STEPDOWN.Q'
}

# All three replicas have what the stream has.
current() {
	state .cluster | jq -e '.leader and ([.replicas[] | select(.current and (.offline | not))] | length == 2)'
}

@test "who may not have a tenant does not get it, and is told what would be needed" {
	server 'authorization { users: [ {user: all, password: pw}, {user: one, password: pw, permissions: {publish: {
	    deny: ["$JS.API.CONSUMER.*.Q.t-t1", "$JS.API.CONSUMER.*.*.Q.t-t1", "$JS.API.CONSUMER.*.*.Q.t-t1.>"] }}} ] }'
	export NATS_USER=all NATS_PASSWORD=pw
	feed -t 3 -w 10 300 || said
	export NATS_USER=one
	run --separate-stderr timeout 10 hr-ship --listen "$URL" --tenant t1 --checkpoint 'at.%t' \
	    --exec 'exec "$TAKE" -c "$HR_CHECKPOINT" "got.$HR_TENANT"'
	[ "$status" = 77 ] || [ "$status" = 78 ] || fail "status $status" "$stderr"
	one_error hr-ship "Permissions Violation for Publish to .*t-t1\"; permit the user this subject"
	[ ! -e got.t1 ] || fail "$(cat got.t1)"
	receive one t0 t2
	arrives 300 0 2
	export NATS_USER=all
	receive two t1
	arrives 300 0 1 2
}

@test "by --nats-creds, and not without, nor with those of another operator" {
	operated
	key stranger 0
	key away 160
	creds away stranger >away.creds
	chmod 600 ./*.creds
	"$STREAM" -t 3 -w 10 300 >one.hrs
	run -78 --separate-stderr timeout 20 hr-ship --to "$URL" --spool spool --checkpoint cp <one.hrs
	one_error hr-ship "[Aa]uthori[sz]ation"
	run -78 --separate-stderr timeout 20 hr-ship --to "$URL" --nats-creds away.creds --spool spool --checkpoint cp <one.hrs
	one_error hr-ship "[Aa]uthori[sz]ation"
	NET=(--nats-creds home.creds)
	# One of a hundred is refused for nothing: queue_differs.bats.
	receive one t0 t1 t2
	sleep 1
	kill -0 "$(cat one.pid)" 2>/dev/null || receive one t0 t1 t2
	feed -t 3 -w 10 300 || feed -t 3 -w 10 300 || said
	arrives 300 0 1 2
	feed -t 3 -w 10 600 || feed -t 3 -w 10 600 || said
	arrives 600 0 1 2
}
