# A disk that is full, for which one has to be root: an archive and a spool on a
# file system of 40 MB, which later has more.

load ../lib

STREAM=${O:-$ROOT/.build}/tool/stream

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	[ -x "$STREAM" ] || fail "no $STREAM: make tests"
	mkdir disk
	mount -t tmpfs -o size=40m tmpfs disk
}

teardown() {
	local file

	for file in "$BATS_TEST_TMPDIR"/*.pid; do
		[ ! -s "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
	done
	umount -l "$BATS_TEST_TMPDIR/disk"
}

# The input waits, having been warned of long before.
waits() {
	wait_for 30 grep -q "the file system of 'disk' has .* MB left; without any the input waits" err
	wait_for 30 grep -q "the input waits, and nothing is lost.*make room in 'disk'" err
	sleep 1
	kill -0 "$(cat ship.pid)"
}

@test "an archive whose disk is full waits, is killed, and goes on when there is room" {
	local i

	"$STREAM" -b 3000 -t 3 40000 >whole.hrs
	hr-ship --archive disk --segment 1MB <whole.hrs 2>err 3>&- &
	echo $! >ship.pid
	waits
	# It was never said that it is kept: with a crash at that point what is there is whole.
	kill -KILL "$(cat ship.pid)"
	wait "$(cat ship.pid)" || true
	hr-ship archive verify disk
	for i in 1 2 3; do
		: >err
		hr-ship --archive disk --segment 1MB <whole.hrs 2>err 3>&- &
		echo $! >ship.pid
		wait_for 30 grep -q "the input waits, and nothing is lost" err
		kill -KILL "$(cat ship.pid)"
		wait "$(cat ship.pid)" || true
	done
	hr-ship --archive disk --segment 1MB <whole.hrs 2>err 3>&- &
	echo $! >ship.pid
	wait_for 30 grep -q "the input waits, and nothing is lost" err
	mount -o remount,size=400m disk
	wait "$(cat ship.pid)" || fail "$(cat err)"
	hr-ship archive verify disk
	hr-ship --from-archive disk 2>/dev/null | hr-transform --dump | grep '"op"' >got
	hr-transform --dump <whole.hrs | grep '"op"' | cmp - got
}

@test "a spool whose disk is full slows its input down, and all arrives" {
	"$STREAM" -b 3000 -t 3 40000 >whole.hrs
	hr-ship --to 127.0.0.1:1 --spool disk --segment 1MB --checkpoint cp <whole.hrs 2>err 3>&- &
	echo $! >ship.pid
	waits
	hr-ship --listen 127.0.0.1:0 --port-file port --exec 'cat >/dev/null' 2>/dev/null 3>&- &
	echo $! >rx.pid
	wait_for 10 test -s port
	kill -KILL "$(cat ship.pid)"
	wait "$(cat ship.pid)" || true
	kill "$(cat rx.pid)"
	wait "$(cat rx.pid)" || true
	mount -o remount,size=400m disk
	# shellcheck disable=SC2016 # the command's
	hr-ship --listen "127.0.0.1:$(cat port)" --checkpoint to.cp --exec 'cat >got.hrs' --once 2>rx.err 3>&- &
	echo $! >rx.pid
	timeout 60 hr-ship --to "127.0.0.1:$(cat port)" --spool disk --segment 1MB --checkpoint cp <whole.hrs 2>err || fail "$(cat err rx.err)"
	wait "$(cat rx.pid)" || fail "$(cat rx.err)"
	hr-transform --dump <got.hrs | grep '"op"' >got
	hr-transform --dump <whole.hrs | grep '"op"' | cmp - got
}
