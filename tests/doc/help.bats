# What -h says, what the page says, and what the tool takes are the same.

load ../lib
load options

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "-h goes to standard output with 0, and begins with the usage" {
	local tool

	for tool in $(tools); do
		run -0 --separate-stderr "$tool" -h
		[ -z "$stderr" ]
		[[ ${lines[0]} == "usage: $tool "* ]]
		[ "$("$tool" --help)" = "$output" ]
	done
}

@test "--version names the tool and the suite" {
	local tool

	for tool in $(tools); do
		run -0 --separate-stderr "$tool" --version
		[[ $output =~ ^"$tool (hr) "[0-9]+\.[0-9]+\.[0-9]+$ ]]
		[ -z "$stderr" ]
	done
}

@test "an unknown option is said with the usage on standard error, and is 64" {
	local tool

	for tool in $(tools); do
		run -64 --separate-stderr "$tool" --no-such-option </dev/null
		[ -z "$output" ]
		[[ $stderr == *"usage: $tool "* ]]
	done
}

@test "every tool has a page" {
	local tool

	for tool in $(tools); do
		[ -f "$ROOT/man/$tool.1" ] || fail "no man/$tool.1"
	done
}

@test "the usage of -h and the page's SYNOPSIS have the same options" {
	local tool status=0

	for tool in $(tools); do
		usage_options "$tool" >usage
		synopsis_options "$tool" >synopsis
		same "$tool: -h, SYNOPSIS" usage synopsis || status=1
	done
	return $status
}

@test "every option of -h is described in the page" {
	local tool status=0

	for tool in $(tools); do
		help_options "$tool" >help
		[ -s help ] || fail "$tool: no options in -h"
		described_options "$tool" >page
		comm -23 help page >missing
		[ ! -s missing ] || { fail "$tool: not in the page: $(paste -sd' ' missing)" || status=1; }
	done
	return $status
}

@test "every option of the page is one that the tool takes" {
	local tool option status=0

	# A tool that knows the option says something else than that it does not.
	for tool in $(tools); do
		for option in $(described_options "$tool"); do
			run --separate-stderr "$tool" "$option" -h </dev/null
			[[ $stderr != *"unknown option"* && $stderr != *"nrecognized option"* &&
			    $stderr != *"nvalid option"* ]] || { fail "$tool: $stderr" || status=1; }
		done
	done
	return $status
}
