# hr-supervise: stand-in stages that die in all the ways.
#
# shellcheck disable=SC2154 # status, output, stderr: bats' own

load ../lib

# A stage runs one line of shell from its play, TEST/NAME.TOOL: the first run
# the first line, and so on; the last line again when there are no more.
# $ready is the descriptor of --ready-fd, $run the number of the run.
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export HR_STATE=$PWD/state HR_BACKOFF_MIN=0 PLAY=$PWD
	mkdir bin
	PATH=$PWD/bin:$PATH
	cat >bin/hr-capture <<-'EOT'
		#!/bin/sh
		PATH=${PATH#*:}			# not the stand-ins for others
		tool=${0##*/hr-} print='' ready=''
		while [ $# -gt 0 ]; do
			case $1 in
			--config) config=$2 ;;
			--checkpoint) checkpoint=$2 ;;
			--print-pipeline) print=$2 ;;
			--ready-fd) ready=$2 ;;
			--version) echo "hr-capture (hr) 1.2.3"; exit ;;
			esac
			shift 2
		done
		name=$(sed -n 's/^name: //p' "$config" 2>/dev/null)
		if [ -z "$name" ]; then
			echo "hr-capture: error: $config:1:1: the file has no 'name'" >&2
			exit 78
		fi
		if [ -n "$print" ]; then
			echo "name $name"
			for tool in capture ${MIDDLE:-} apply; do
				printf "hr-%s --config '%s' --checkpoint '%s/checkpoint'\n" "$tool" "$config" \
				    "$(echo "$print" | sed "s/'/'\\\\''/g")"
			done
			exit 0
		fi
		echo "$$" >>"$PLAY/$name.$tool.pids"
		run=$(wc -l <"$PLAY/$name.$tool.pids")
		play=$(head -n "$run" "$PLAY/$name.$tool" | tail -n 1)
		eval "$play"
	EOT
	chmod +x bin/hr-capture
	ln -s hr-capture bin/hr-apply
	ln -s hr-capture bin/hr-transform
}

# No stage outlives a test.
teardown() {
	local file pid

	for file in "$BATS_TEST_TMPDIR"/*.pids; do
		[ -f "$file" ] || continue
		while read -r pid; do
			kill -KILL "$pid" 2>/dev/null || :
		done <"$file"
	done
}

# pipeline NAME CAPTURE APPLY: the lines of the two plays.
pipeline() {
	echo "name: $1" >"$1.yaml"
	echo "$2" >"$1.capture"
	echo "$3" >"$1.apply"
}

supervise() {
	timeout -k 5 60 hr-supervise "$@" 3>&-
}

runs() {			# NAME TOOL
	wc -l <"$1.$2.pids"
}

# start ARG...: in the background, messages in err.
start() {
	rm -f err			# what the one before said is none of this one's
	# The shell makes what it starts like this ignore INT, and nohup HUP.
	env --default-signal=INT,HUP hr-supervise "$@" >out 2>err 3>&- &
	pid=$!
}

# end SIGNAL: send it and keep the status.
end() {
	kill -s "$1" "$pid"
	status=0
	wait "$pid" || status=$?
}

said() {
	grep -qF -- "$1" err
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

forever='trap "exit 0" TERM; echo >&"$ready"; while :; do sleep 0.05; done'
drain='echo >&"$ready"; cat >/dev/null'

@test "without a configuration it is used wrongly" {
	run -64 --separate-stderr supervise
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "hr-supervise: error: no configuration file given" ]
	[ "${stderr_lines[1]}" = "usage: hr-supervise [-nv] CONFIG..." ]
}

@test "an unknown option is used wrongly" {
	run -64 --separate-stderr supervise --nothing a.yaml
	[ "${stderr_lines[0]}" = "hr-supervise: error: unknown option '--nothing'" ]
	run -64 --separate-stderr supervise -nx a.yaml
	[ "${stderr_lines[0]}" = "hr-supervise: error: unknown option '-x'" ]
}

@test "-h prints the usage, --version the suite's version" {
	run -0 --separate-stderr supervise -h
	[ "${lines[0]}" = "usage: hr-supervise [-nv] CONFIG..." ]
	[ -z "$stderr" ]
	run -0 --separate-stderr supervise --version
	[ "$output" = "hr-supervise (hr) 1.2.3" ]
}

@test "a variable that is not a whole number of seconds is refused" {
	pipeline shop 'exit 0' 'exit 0'
	HR_BACKOFF_MIN=0.5 run -78 --separate-stderr supervise shop.yaml
	[ "$stderr" = "hr-supervise: error: HR_BACKOFF_MIN is not a whole number of seconds: '0.5'" ]
	HR_STOP_TIMEOUT=x run -78 --separate-stderr supervise shop.yaml
}

@test "-n prints each pipeline as one command for the shell and runs nothing" {
	pipeline shop 'exit 0' 'exit 0'
	pipeline 'mail' 'exit 0' 'exit 0'
	run -0 --separate-stderr supervise -n shop.yaml mail.yaml
	[ -z "$stderr" ]
	[ ! -e state ]
	[ ! -e shop.capture.pids ]
	[ "$output" = "# pipeline 'shop' of shop.yaml
mkdir -p '$PWD/state/shop' &&
hr-capture --config 'shop.yaml' --checkpoint '$PWD/state/shop/checkpoint' |
    hr-apply --config 'shop.yaml' --checkpoint '$PWD/state/shop/checkpoint'
# pipeline 'mail' of mail.yaml
mkdir -p '$PWD/state/mail' &&
hr-capture --config 'mail.yaml' --checkpoint '$PWD/state/mail/checkpoint' |
    hr-apply --config 'mail.yaml' --checkpoint '$PWD/state/mail/checkpoint'" ]
}

@test "what -n prints runs when it is given to a shell" {
	pipeline shop 'echo hello' 'cat >"$PLAY/got"'
	HR_STATE="$PWD/it's state" supervise -n shop.yaml >script
	run -0 sh script
	[ "$(cat got)" = hello ]
	[ -d "it's state/shop" ]
}

@test "-n ends with the status of the file that cannot be used" {
	pipeline shop 'exit 0' 'exit 0'
	: >bad.yaml
	run -78 --separate-stderr supervise -n bad.yaml shop.yaml
	[ "${lines[0]}" = "# pipeline 'shop' of shop.yaml" ]
	[ "$stderr" = "hr-capture: error: bad.yaml:1:1: the file has no 'name'" ]
}

@test "the stages are connected, and when all end with 0 it does too" {
	pipeline shop 'echo hello' 'cat >"$PLAY/got"'
	run -0 --separate-stderr supervise shop.yaml
	[ -z "$output$stderr" ]
	[ "$(cat got)" = hello ]
	[ "$(runs shop capture)" = 1 ]
}

@test "a third stage is put between" {
	pipeline shop 'echo hello' 'cat >"$PLAY/got"'
	echo 'tr a-z A-Z' >shop.transform
	MIDDLE=transform run -0 --separate-stderr supervise shop.yaml
	[ "$(cat got)" = HELLO ]
}

@test "the state directory is made for its owner alone" {
	pipeline shop 'exit 0' 'exit 0'
	run -0 supervise shop.yaml
	[ "$(stat -c %a state/shop)" = 700 ]
	[ "$(ls -A state/shop)" = lock ]
}

@test "without HR_STATE a user's state is in XDG_STATE_HOME or the home" {
	pipeline shop 'exit 0' 'exit 0'
	printf '#!/bin/sh\necho 1000\n' >bin/id
	chmod +x bin/id
	unset HR_STATE
	XDG_STATE_HOME=/x run -0 supervise -n shop.yaml
	[[ $output == *"'/x/hr/shop/checkpoint'"* ]]
	HOME=/home/a run -0 supervise -n shop.yaml
	[[ $output == *"'/home/a/.local/state/hr/shop/checkpoint'"* ]]
	printf '#!/bin/sh\necho 0\n' >bin/id
	XDG_STATE_HOME=/x run -0 supervise -n shop.yaml
	[[ $output == *"'/var/lib/hr/shop/checkpoint'"* ]]
}

@test "a state directory that cannot be made is an error of 74" {
	pipeline shop 'exit 0' 'exit 0'
	: >state
	run -74 --separate-stderr supervise shop.yaml
	[[ $stderr == "hr-supervise: error: cannot create directory"* ]]
}

@test "status 64, 65, 70, 77 and 78 stop the pipeline, and are the supervisor's" {
	local s

	for s in 64 65 70 77 78; do
		rm -f ./*.pids
		pipeline shop "exit $s" 'cat >/dev/null; exit 65'
		run "-$s" --separate-stderr supervise shop.yaml
		[ "$stderr" = "hr-supervise: error: pipeline 'shop': hr-capture exited with $s, not started again" ]
		[ "$(runs shop capture)" = 1 ]
	done
}

@test "apply's refusal stops the pipeline, although capture dies of it" {
	local how

	for how in 'while echo x; do sleep 0.02; done; exit 75' \
	    'while echo x; do sleep 0.02; done; kill -PIPE $$'; do
		rm -f ./*.pids
		pipeline shop "$how" 'exit 77'
		run -77 --separate-stderr supervise shop.yaml
		[[ ${stderr##*$'\n'} == "hr-supervise: error: pipeline 'shop': hr-apply exited with 77, not started again" ]]
		[ "$(runs shop capture)" = 1 ]
	done
}

@test "a bad stream stops the pipeline when nobody above failed but of SIGPIPE" {
	pipeline shop 'exit 0' 'cat >/dev/null; exit 65'
	run -65 --separate-stderr supervise shop.yaml
	pipeline mail 'kill -PIPE $$' 'cat >/dev/null; exit 65'
	run -65 --separate-stderr supervise mail.yaml
	[ "$stderr" = "hr-supervise: error: pipeline 'mail': hr-apply exited with 65, not started again" ]
}

@test "a status out of the table stops with 70" {
	pipeline shop 'exit 3' 'cat >/dev/null'
	run -70 --separate-stderr supervise shop.yaml
	[ "$stderr" = "hr-supervise: error: pipeline 'shop': hr-capture exited with 3, not started again" ]
}

@test "a stage that is not there stops with 70" {
	pipeline shop 'exit 0' 'cat >/dev/null'
	MIDDLE=nothing run -70 --separate-stderr supervise shop.yaml
	[[ ${stderr##*$'\n'} == "hr-supervise: error: pipeline 'shop': hr-nothing exited with 127, not started again" ]]
}

@test "status 75, 69 and 74 start it again" {
	pipeline shop $'exit 75\nexit 69\nexit 74\nexit 0' $'cat >/dev/null; exit 65\ncat >/dev/null; exit 65\ncat >/dev/null; exit 65\ncat >/dev/null'
	run -0 --separate-stderr supervise shop.yaml
	[ "$stderr" = "hr-supervise: warning: pipeline 'shop': hr-capture exited with 75, starting again in 0 s
hr-supervise: warning: pipeline 'shop': hr-capture exited with 69, starting again in 0 s
hr-supervise: warning: pipeline 'shop': hr-capture exited with 74, starting again in 0 s" ]
	[ "$(runs shop capture)" = 4 ]
}

@test "a capture that was killed starts it again, whatever apply makes of it" {
	pipeline shop $'kill -KILL $$\nexit 0' $'cat >/dev/null; exit 65\ncat >/dev/null'
	run -0 --separate-stderr supervise shop.yaml
	[ "$stderr" = "hr-supervise: warning: pipeline 'shop': hr-capture was killed by signal 9, starting again in 0 s" ]
}

@test "an apply that was killed starts it again, whatever capture makes of it" {
	local how

	for how in 'exit 75' 'kill -PIPE $$'; do
		rm -f ./*.pids
		pipeline shop "while echo x; do sleep 0.02; done 2>/dev/null; $how"$'\nexit 0' \
		    $'kill -KILL $$\ncat >/dev/null'
		run -0 --separate-stderr supervise shop.yaml
		[ "$stderr" = "hr-supervise: warning: pipeline 'shop': hr-apply was killed by signal 9, starting again in 0 s" ]
		[ "$(runs shop apply)" = 2 ]
	done
}

@test "a stage between that was killed starts it again" {
	pipeline shop $'while echo x; do sleep 0.02; done 2>/dev/null; kill -PIPE $$\nexit 0' \
	    $'cat >/dev/null; exit 65\ncat >/dev/null'
	printf 'kill -SEGV $$\ncat\n' >shop.transform
	MIDDLE=transform run -0 --separate-stderr supervise shop.yaml
	[ "$stderr" = "hr-supervise: warning: pipeline 'shop': hr-transform was killed by signal 11, starting again in 0 s" ]
}

@test "a quiet capture is told that its reader is gone, and how it ends is no reason" {
	pipeline shop "$forever" $'exit 77\n'
	run -77 --separate-stderr supervise shop.yaml
	pipeline mail 'while :; do sleep 0.05; done' 'cat </dev/null; exit 65'
	run -65 --separate-stderr supervise mail.yaml
	[[ ${stderr##*$'\n'} == "hr-supervise: error: pipeline 'mail': hr-apply exited with 65, not started again" ]]
}

@test "the wait doubles from the first one on" {
	printf '#!/bin/sh\ncase $1 in 0.*) exec /bin/sleep "$1" ;; esac\necho "$1" >>"$PLAY/slept"\n' >bin/sleep
	chmod +x bin/sleep
	pipeline shop $'exit 75\nexit 75\nexit 75\nexit 75\nexit 75\nexit 75\nexit 75\nexit 75\nexit 0' 'cat >/dev/null'
	HR_BACKOFF_MIN=1 run -0 --separate-stderr supervise shop.yaml
	[ "$(paste -sd' ' slept)" = "1 2 4 8 16 32 60 60" ]
	[ "$(grep -o 'in [0-9]* s' <<<"$stderr" | tr -dc '0-9\n' | paste -sd' ')" = "1 2 4 8 16 32 60 60" ]
}

@test "after a minute of running the wait begins again" {
	printf '#!/bin/sh\n[ "$*" = +%%s ] || exec /bin/date "$@"\nn=$(cat "$PLAY/clock" 2>/dev/null || echo 0)\necho $((n + ${STEP:-60})) | tee "$PLAY/clock"\n' >bin/date
	chmod +x bin/date
	pipeline shop $'exit 75\nexit 75\nexit 0' 'cat >/dev/null'
	HR_BACKOFF_MIN=1 run -0 --separate-stderr supervise shop.yaml
	[ "$(grep -c 'in 1 s' <<<"$stderr")" = 2 ]
}

@test "one pipeline that stops does not end the others" {
	pipeline bad 'exit 78' 'cat >/dev/null'
	pipeline good "$forever" "$drain"
	start bad.yaml good.yaml
	wait_for 10 said "pipeline 'bad': hr-capture exited with 78"
	wait_for 10 test -s good.apply.pids
	sleep 0.2
	kill -0 "$(cat good.capture.pids)"
	end TERM
	[ "$status" = 0 ]
}

@test "the result is that of the first file that failed" {
	pipeline a 'exit 0' 'cat >/dev/null'
	pipeline b 'sleep 0.2; exit 77' 'cat >/dev/null'
	pipeline c 'exit 78' 'cat >/dev/null'
	run -77 supervise a.yaml b.yaml c.yaml
	run -78 supervise a.yaml none.yaml b.yaml
}

@test "a name that comes twice is an error of configuration" {
	pipeline shop 'exit 0' 'cat >/dev/null'
	cp shop.yaml again.yaml
	run -78 --separate-stderr supervise shop.yaml again.yaml
	[ "$stderr" = "hr-supervise: error: cannot use 'again.yaml': an earlier file has the name 'shop' too" ]
	[ "$(runs shop capture)" = 1 ]
}

@test "two supervisors cannot run the same pipeline" {
	pipeline shop "$forever" "$drain"
	start shop.yaml
	wait_for 10 test -s shop.apply.pids
	run -75 --separate-stderr supervise shop.yaml
	[ "$stderr" = "hr-supervise: error: pipeline 'shop' is run by process $(cat state/shop/lock) already" ]
	kill -0 "$(cat state/shop/lock)"
	end TERM
	[ "$status" = 0 ]
	[ "$(runs shop capture)" = 1 ]
}

@test "a pipeline whose supervisor was killed cannot be run a second time" {
	pipeline shop "$forever" "$drain"
	start shop.yaml
	wait_for 10 test -s shop.apply.pids
	kill -KILL "$(cat state/shop/lock)"
	run -75 supervise shop.yaml
	kill -KILL "$(cat shop.capture.pids)" "$(cat shop.apply.pids)"
	wait "$pid" || :
	rm shop.capture.pids shop.apply.pids
	pipeline shop 'exit 0' 'cat >/dev/null'
	run -0 supervise shop.yaml
}

@test "TERM and INT end the stream from its beginning, and the others finish it" {
	local sig

	for sig in TERM INT HUP; do
		rm -f ./*.pids got
		pipeline shop 'trap "echo end; exit 0" TERM; echo >&"$ready"; while :; do sleep 0.05; done' \
		    'trap "echo told >&2" TERM; echo >&"$ready"; cat >"$PLAY/got"; echo drained >>"$PLAY/got"'
		start -v shop.yaml
		wait_for 10 said ready
		end "$sig"
		[ "$status" = 0 ]
		[ "$(cat got)" = end$'\n'drained ]
		! said told
		said "hr-supervise: note: pipeline 'shop': stopped"
		wait_for 10 gone "$(cat shop.capture.pids)"
	done
}

@test "who does not end in time gets TERM, and then KILL" {
	pipeline shop 'trap "" TERM; echo >&"$ready"; while :; do sleep 0.05; done' \
	    'trap "echo told >&2" TERM; echo >&"$ready"; while :; do sleep 0.05; done'
	export HR_STOP_TIMEOUT=1
	start -v shop.yaml
	wait_for 10 said ready
	end TERM
	[ "$status" = 0 ]
	said told
	said "hr-supervise: warning: pipeline 'shop': not ended in 1 s, stopping all stages"
	gone "$(cat shop.capture.pids)"
	gone "$(cat shop.apply.pids)"
}

@test "a wait between two runs is ended by TERM" {
	pipeline shop 'exit 75' 'cat >/dev/null'
	export HR_BACKOFF_MIN=99
	start shop.yaml
	wait_for 10 said 'starting again in 60 s'
	SECONDS=0
	end TERM
	[ "$status" = 0 ]
	[ "$SECONDS" -lt 5 ]
}

@test "stages that are killed from outside are started again until it is told to stop" {
	local i

	pipeline shop "$forever" "$drain"
	start -v shop.yaml
	for i in 1 2 3; do
		wait_for 10 eval '[ "$(grep -c ready err)" = '"$i"' ]'
		kill -KILL "$(tail -n 1 shop.apply.pids)"
	done
	wait_for 10 eval '[ "$(grep -c ready err)" = 4 ]'
	kill -KILL "$(tail -n 1 shop.capture.pids)"
	wait_for 10 eval '[ "$(grep -c ready err)" = 5 ]'
	end TERM
	[ "$status" = 0 ]
}

@test "systemd is told when every pipeline is ready, and once, and at the stop" {
	printf '#!/bin/sh\necho "$NOTIFY_SOCKET $*" >>"$PLAY/notified"\n' >bin/systemd-notify
	chmod +x bin/systemd-notify
	export NOTIFY_SOCKET=@here
	pipeline shop "$forever" "$drain"
	pipeline mail "while [ ! -e \"\$PLAY/go\" ]; do sleep 0.05; done; $forever" "$drain"
	pipeline bad 'exit 78' 'cat >/dev/null'
	start -v shop.yaml mail.yaml bad.yaml
	wait_for 10 said "pipeline 'shop': ready"
	kill -KILL "$(cat shop.apply.pids)"
	wait_for 10 eval '[ "$(grep -c "shop.: ready" err)" = 2 ]'
	sleep 0.2
	[ ! -e notified ]
	: >go
	wait_for 10 test -s notified
	end TERM
	[ "$status" = 0 ]
	[ "$(cat notified)" = $'@here --ready\n@here STOPPING=1' ]
}

@test "stages do not see systemd's socket" {
	pipeline shop 'echo "${NOTIFY_SOCKET-none}"' 'cat >"$PLAY/got"'
	NOTIFY_SOCKET=@here run -0 supervise shop.yaml
	[ "$(cat got)" = none ]
}

@test "a stage has its own descriptors and no others but the lock" {
	local look='for n in 0 1 2 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$n ] || printf " $n"; done'

	pipeline shop "$look" "cat >got; { $look; } >>got"
	run -0 supervise shop.yaml
	[ "$(cat got)" = " 0 1 2 3 9 0 1 2 3 9" ]
}

@test "without hr-capture or flock a part is missing" {
	pipeline shop 'exit 0' 'exit 0'
	mkdir few
	ln -s "$(command -v id)" "$(command -v sh)" "$(command -v mkfifo)" few/
	ln -s "$PWD/bin/hr-capture" few/
	run -69 --separate-stderr env PATH="$PWD/few" "$(command -v hr-supervise)" shop.yaml
	[ "$stderr" = "hr-supervise: error: flock is not in PATH" ]
}

@test "another shell does the same" {
	need bash
	cat >bin/hr-supervise <<-EOT
		#!/bin/sh
		exec bash --posix "$(command -v hr-supervise)" "\$@"
	EOT
	chmod +x bin/hr-supervise
	pipeline shop $'kill -KILL $$\nexit 75\nexit 0' $'cat >/dev/null; exit 65\nexit 77'
	run -77 --separate-stderr supervise shop.yaml
	# bash has its own words for a stage that was killed.
	[ "$(grep ^hr-supervise: <<<"$stderr")" = "hr-supervise: warning: pipeline 'shop': hr-capture was killed by signal 9, starting again in 0 s
hr-supervise: error: pipeline 'shop': hr-apply exited with 77, not started again" ]
	rm ./*.pids
	pipeline shop "$forever" "$drain"
	start -v shop.yaml
	wait_for 10 said ready
	end TERM
	[ "$status" = 0 ]
	[ "$(cat err)" = "hr-supervise: note: pipeline 'shop': started
hr-supervise: note: pipeline 'shop': ready
hr-supervise: note: pipeline 'shop': stopped" ]
}
