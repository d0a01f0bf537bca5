# Each shell completes the options of -h, and no others.
#
# shellcheck disable=SC2034,SC2207 # bash's variables of completion

load ../lib
load options

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export HR_STATE=$PWD/state PGSERVICEFILE=$PWD/services HOME=$PWD
	mkdir -p state/shop
	: >state/shop/checkpoint
	printf '[home]\nhost=a\n[replica]\nhost=b\n' >services
}

# commands TOOL: what may stand before an option: nothing, or a command.
commands() {
	echo
	[ "$1" != hr-migrate ] || echo verify
	[ "$1" != hr-checkpoint ] || printf '%s FILE\n' show get wait set export
}

in_bash() {			# LINE: its completions
	bash --norc -c '
		. "$1"
		compopt() { :; }
		COMP_LINE=$2 COMP_POINT=${#2}
		read -ra COMP_WORDS <<<"$2"
		_hr
		[ ${#COMPREPLY[@]} = 0 ] || printf "%s\n" "${COMPREPLY[@]}"
	' bash "$ROOT/completions/hr.bash" "$1" | sort -u
}

# What is given to _arguments: (exclusions), * and text behind are taken off.
in_zsh() {			# WORD...: the options there
	zsh -f -c '
		_arguments() { print -rl -- "$@" }
		file=$1
		shift
		words=("$@") CURRENT=$(($# + 1)) service=$1
		. $file
	' zsh "$ROOT/completions/_hr" "$@" |
	    sed -nE 's/^\([^)]*\)//; s/^\*//; s/^(--?[A-Za-z][a-z-]*)[=+]?\[.*/\1/p' | sort -u
}

in_fish() {			# LINE: its completions
	fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
	    "$ROOT/completions/hr.fish" "$1" | cut -f 1 | sort -u
}

@test "bash completes the options of -h" {
	local tool command status=0

	for tool in $(tools); do
		while read -r command; do
			in_bash "$tool $command${command:+ }-"
		done < <(commands "$tool") | sort -u >completed
		help_options "$tool" >help
		same "$tool: -h, bash" help completed || status=1
	done
	return $status
}

@test "zsh completes the options of -h" {
	local tool command status=0

	need zsh
	for tool in $(tools); do
		while read -r command; do
			# shellcheck disable=SC2086 # words
			in_zsh "$tool" $command
		done < <(commands "$tool") | sort -u >completed
		help_options "$tool" >help
		same "$tool: -h, zsh" help completed || status=1
	done
	return $status
}

@test "fish completes the options of -h" {
	local tool command status=0

	need fish
	for tool in $(tools); do
		while read -r command; do
			in_fish "$tool $command${command:+ }-"
			in_fish "$tool $command${command:+ }--"
		done < <(commands "$tool") | grep ^- | sort -u >completed
		help_options "$tool" >help
		same "$tool: -h, fish" help completed || status=1
	done
	return $status
}

@test "each file is for all tools, and for no others" {
	local file

	tools | sort >tools
	sed -n 's/^complete -F _hr //p' "$ROOT/completions/hr.bash" | tr ' ' '\n' | sort >bash
	sed -n 's/^#compdef //p' "$ROOT/completions/_hr" | tr ' ' '\n' | sort >zsh
	sed -n 's/^for tool in //p' "$ROOT/completions/hr.fish" | head -n 1 | tr ' ' '\n' | sort >fish
	for file in bash zsh fish; do
		same "tools, $file" tools $file
	done
}

@test "bash completes services, checkpoints, words and commands" {
	[ "$(in_bash 'hr-apply -d ')" = $'service=home\nservice=replica' ]
	[ "$(in_bash 'hr-apply -d service=h')" = home ]
	[ "$(in_bash 'hr-capture --dbname=service=r')" = replica ]
	[ "$(in_bash 'hr-capture --log-format=')" = $'json\ntext' ]
	[ "$(in_bash 'hr-apply --ddl a')" = $'add\nall' ]
	[ "$(in_bash 'hr-checkpoint ')" = $'export\nget\nset\nshow\nwait' ]
	[ "$(in_bash 'hr-migrate ')" = verify ]
	[ "$(in_bash 'hr-migrate verify --to service=r')" = replica ]
	[ "$(in_bash "hr-checkpoint show $PWD/st")" = "$(printf '%s\n' "$PWD/state" "$PWD/state/shop/checkpoint")" ]
	[ "$(in_bash 'hr-checkpoint wait FILE --t')" = $'--tenant\n--timeout' ]
	: >'a pipeline.yaml'
	[ "$(in_bash 'hr-supervise a')" = 'a pipeline.yaml' ]
	[ -z "$(in_bash 'hr-capture --slot ')" ]
}

@test "fish completes services, checkpoints, words and commands" {
	need fish
	[ "$(in_fish 'hr-apply -d ')" = $'service=home\nservice=replica' ]
	[ "$(in_fish 'hr-capture --log-format ')" = $'json\ntext' ]
	[ "$(in_fish 'hr-apply --ddl a')" = $'add\nall' ]
	[ "$(in_fish 'hr-checkpoint ')" = $'export\nget\nset\nshow\nwait' ]
	[ "$(in_fish 'hr-migrate ')" = verify ]
	in_fish 'hr-checkpoint show ' | grep -qxF "$PWD/state/shop/checkpoint"
	[ -z "$(in_fish 'hr-capture --slot ')" ]
}
