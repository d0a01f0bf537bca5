# A disk that is full, for which one has to be root: an archive and a spool on a
# file system of 40 MB, which later has more.

load ../lib
load ../cmd/ship

STREAM=${O:-$ROOT/.build}/tool/stream

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	[ -x "$STREAM" ] || fail "no $STREAM: make tests"
}

teardown() {
	local file

	for file in "$BATS_TEST_TMPDIR"/*.pid; do
		[ ! -s "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
	done
	umount -l "$BATS_TEST_TMPDIR/disk" 2>/dev/null || true
}

# small SIZE: a file system of it, at disk; of one that is there, its size is changed.
small() {
	if mkdir disk 2>/dev/null; then
		mount -t tmpfs -o "size=$1" none disk
	else
		mount -o "remount,size=$1" disk
	fi
}

# stuck NAME [OPTION]...: hr-ship of made.hrs is started, and waits on a full disk.
stuck() {
	local name=$1

	shift
	rm -f "$name.sent"
	timeout 60 hr-ship "$@" <made.hrs 2>"$name.sent" 3>&- &
	echo $! >"$name.pid"
	wait_for 10 grep -q 'the input waits, and nothing is lost' "$name.sent" || fail "$(cat "$name.sent")"
	sleep 0.5
	kill -0 "$(cat "$name.pid")" || fail "$(cat "$name.sent")"
}

# killed NAME: without a word.
killed() {
	pkill -KILL -P "$(cat "$1.pid")"
	wait "$(cat "$1.pid")" || true
	rm "$1.pid"
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

	small 40m
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
	small 400m
	wait "$(cat ship.pid)" || fail "$(cat err)"
	hr-ship archive verify disk
	hr-ship --from-archive disk 2>/dev/null | hr-transform --dump | grep '"op"' >got
	hr-transform --dump <whole.hrs | grep '"op"' | cmp - got
}

@test "a spool whose disk is full slows its input down, and all arrives" {
	small 40m
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
	small 400m
	# shellcheck disable=SC2016 # the command's
	hr-ship --listen "127.0.0.1:$(cat port)" --checkpoint to.cp --exec 'cat >got.hrs' --once 2>rx.err 3>&- &
	echo $! >rx.pid
	timeout 60 hr-ship --to "127.0.0.1:$(cat port)" --spool disk --segment 1MB --checkpoint cp <whole.hrs 2>err || fail "$(cat err rx.err)"
	wait "$(cat rx.pid)" || fail "$(cat rx.err)"
	hr-transform --dump <got.hrs | grep '"op"' >got
	hr-transform --dump <whole.hrs | grep '"op"' | cmp - got
}

@test "on a full disk an archive waits, and goes on when there is room" {
	"$STREAM" -b 3000 -t 3 8000 >made.hrs
	strings -n 500 made.hrs | sort >rows
	small 8m
	stuck a --archive disk/arch --segment 64kB --checkpoint a.cp
	[ "$(grep -c warning a.sent)" -le 2 ] || fail "$(cat a.sent)"
	! grep error a.sent
	small 60m
	ended a 0
	hr-ship archive verify disk/arch
	hr-ship --from-archive disk/arch 2>/dev/null | strings -n 500 | sort | cmp - rows
}

@test "an archive that was killed on a full disk has all that it said, and goes on" {
	local i reached

	"$STREAM" -b 3000 -t 3 8000 >made.hrs
	strings -n 500 made.hrs | sort >rows
	small 8m
	for i in 1 2 3; do
		stuck a --archive disk/arch --segment 64kB --checkpoint a.cp
		killed a
		reached=$(hr-checkpoint get a.cp)
		hr-ship archive verify disk/arch
		hr-ship --from-archive disk/arch --until "$reached" 2>/dev/null | strings -n 500 >part
		[ "$(wc -l <part)" -ge $((16#${reached#0/} / 256)) ] || fail "$reached: $(wc -l <part)"
	done
	small 60m
	hr-ship --archive disk/arch --segment 64kB --checkpoint a.cp <made.hrs
	hr-ship archive verify disk/arch
	hr-ship --from-archive disk/arch 2>/dev/null | strings -n 500 | sort | cmp - rows
}

@test "an archive that was killed before it could begin begins anew, and what was there can be read" {
	"$STREAM" -b 3000 -t 3 20 >made.hrs
	strings -n 500 made.hrs | sort >rows
	small 1m
	head -c 2m /dev/zero >disk/other 2>/dev/null || true
	stuck a --archive disk/arch
	killed a
	run --separate-stderr -77 hr-ship archive verify disk/arch
	rm disk/other
	hr-ship --archive disk/arch <made.hrs
	hr-ship archive verify disk/arch
	hr-ship --from-archive disk/arch 2>/dev/null | strings -n 500 | sort | cmp - rows
}

@test "on a full disk a spool waits, killed and begun again it has all, once" {
	local i

	"$STREAM" -b 3000 -t 3 8000 >made.hrs
	strings -n 500 made.hrs >rows
	small 8m
	listen a --exec true
	kill "$(cat a.pid)"
	wait "$(cat a.pid)" || true
	for i in 1 2; do
		stuck s --to "127.0.0.1:$(cat a.port)" --spool disk/spool --segment 64kB --checkpoint s.cp
		killed s
	done
	stuck s --to "127.0.0.1:$(cat a.port)" --spool disk/spool --segment 64kB --checkpoint s.cp
	# What is kept is carried meanwhile, and the rest when there is room.
	AT=127.0.0.1:$(cat a.port) listen a --exec 'cat >got' --checkpoint a.cp
	wait_for 8 test -s got || fail "$(cat s.sent a.err; cat s.sent.1 2>/dev/null; find disk -name "*.seg" -ls)"
	small 60m
	ended s 0
	strings -n 500 got | cmp - rows
}
