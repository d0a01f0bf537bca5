# The scripts of examples/backup, one after the other, with servers.

load ../lib
load pipe
load tenants

setup() {
	pair
	set -o pipefail
	both "CREATE TABLE t (tenant_id text, id int, v text, PRIMARY KEY (tenant_id, id))"
	src "INSERT INTO t SELECT CASE i % 2 WHEN 0 THEN 'acme' ELSE 'globex' END, i, 'first ' || i
	    FROM generate_series(1, 500) i"
	export BACKUP_SOURCE=$SRC BACKUP_PUBLICATION=hr BACKUP_SLOT=$SLOT BACKUP_ARCHIVE=$PWD/arch BACKUP_COPY=$PWD/far \
	    BACKUP_KEYS=$PWD/keys BACKUP_STATE=$PWD/state BACKUP_TIMEOUT=5
	printf 'k1 * hex:%s\n' "$(printf 'ab%.0s' {1..32})" >keys
	chmod 600 keys
	B=$ROOT/examples/backup
}

teardown() {
	unpair
}

chains() {			# DIR: how many
	hr-ship archive list "$1" --key-file keys --json | grep -c '"kind":"full"'
}

@test "a full backup, logs, a copy, a restore to a time, on from there, and both are equal" {
	local time sum

	run -75 "$B/log.sh"
	"$B/full.sh"
	src "UPDATE t SET v = 'second' WHERE id % 10 = 0"
	"$B/log.sh"
	src "DELETE FROM t WHERE id % 10 = 1"
	run -0 "$B/incremental.sh"
	[[ $output == *" good, "* && $output == *" full "* ]] || fail "$output"
	time=$(src "SELECT now()")
	sum=$(sum_of "$SRC" acme)
	sleep 0.05
	src "UPDATE t SET v = 'a mistake'"
	"$B/log.sh"
	run -0 "$B/copy.sh"
	[[ $output == *" good, "* ]] || fail "$output"
	# Out of the copy.
	BACKUP_ARCHIVE=$BACKUP_COPY "$B/restore.sh" acme "$time" "$DST"
	equal "$sum" "$(sum_of "$DST")"
	run "$B/compare.sh" acme "$DST"
	[ "$status" != 0 ] || fail "$output"
	src "INSERT INTO t VALUES ('acme', 1000, 'not in the archive'), ('globex', 1000, 'another one')"
	BACKUP_END=now "$B/resume.sh" acme "$DST"
	equal "$(sum_of "$SRC" acme)" "$(sum_of "$DST")"
	run -0 "$B/compare.sh" acme "$DST"
	run -64 "$B/restore.sh" acme
}

@test "another full backup begins another chain, and the copy loses what has expired" {
	local i

	for i in 1 2 3; do
		"$B/full.sh"
		src "INSERT INTO t VALUES ('acme', 1000 + $i, 'later')"
		"$B/log.sh"
		"$B/copy.sh" >/dev/null
	done
	[ "$(chains arch)" = 3 ] || fail "$(chains arch)"
	[ "$(chains far)" = 3 ]
	rm -rf "$(find arch -mindepth 2 -maxdepth 2 -name '2*' | sort | head -1)"
	"$B/copy.sh" >/dev/null
	[ "$(chains far)" = 2 ]
	"$B/restore.sh" acme "$(src "SELECT now()")" "$DST"
	equal "$(sum_of "$SRC" acme)" "$(sum_of "$DST")"
	# A slot that was lost: the next full backup makes another one.
	drop_slots source
	run ! "$B/log.sh"
	"$B/full.sh"
	[ "$(chains arch)" = 3 ]
	# Any other error leaves the backup as it is.
	cp state/checkpoint was
	BACKUP_SOURCE="$SRC port=1" run ! "$B/full.sh"
	cmp state/checkpoint was
	"$B/log.sh"
}

@test "one runs at a time, and what was killed is gone on with" {
	local i pid

	"$B/full.sh"
	flock state/lock sleep 60 3>&- &
	echo $! >lock.pid
	wait_for 5 bash -c '! flock -n state/lock true'
	BACKUP_WAIT=0 run ! "$B/log.sh"
	pkill -P "$(cat lock.pid)"
	wait "$(cat lock.pid)" || true
	for i in 1 2 3 4; do
		src "INSERT INTO t SELECT 'acme', $i * 10000 + i, 'more' FROM generate_series(1, 3000) i"
		setsid "$B/log.sh" 2>/dev/null 3>&- &
		pid=$!
		sleep "0.0$((RANDOM % 9 + 1))"
		kill -KILL -- -$pid 2>/dev/null || true
		wait $pid || true
	done
	wait_for 10 "$B/log.sh"
	"$B/restore.sh" acme "$(src "SELECT now()")" "$DST"
	equal "$(sum_of "$SRC" acme)" "$(sum_of "$DST")"
}

@test "crontab names scripts that are there, and settings that they read" {
	local name

	for name in $(grep -oE '[a-z]+\.sh' "$B/crontab"); do
		[ -x "$B/$name" ] || fail "$name"
	done
	for name in $(grep -oE '^BACKUP_[A-Z]+' "$B/crontab"); do
		grep -q "\${$name:-" "$B"/*.sh || fail "$name"
	done
	grep -oE 'BACKUP_[A-Z]+:-[^}]*' "$B"/*.sh | cut -d: -f2- | sort -u | cut -d: -f1 | uniq -d >twice
	[ ! -s twice ] || fail "two defaults: $(cat twice)"
}
