# What the pages and README.md say of statuses, tools, examples, messages and
# names is what the code does.

load ../lib
load options

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# The table of statuses of hr.7, as STATUS AGAIN MEANING.
table() {
	sed -nE 's/^\.It ([0-9]+) Ta (no|yes|-) Ta (.*)/\1 \2 \3/p' "$ROOT/man/hr.7"
}

# The text between the string literals of the sources taken away.
literals() {
	cat "$ROOT"/cmd/*.c "$ROOT"/lib/*/*.c "$ROOT"/cmd/hr-supervise | tr '\n\t' '  ' |
	    sed -E 's/" *(PRI[a-zA-Z0-9]+) *"/N/g; s/([^\\])" +"/\1/g; s/\\"/"/g'
}

@test "the statuses of hr(7) are those of enum hr_code" {
	sed -n '/^enum hr_code/,/^}/p' "$ROOT/lib/base/err.h" | grep -oE '= [0-9]+' |
	    tr -d '= ' >code
	table | cut -d' ' -f1 >page
	[ -s code ]
	same "err.h, hr.7" code page
}

@test "README.md has the same table of statuses" {
	sed -nE 's/^\| ([0-9]+) \| (no|yes|-) \| (.*) \|$/\1 \2 \3/p' "$ROOT/README.md" >readme
	table >page
	[ -s page ]
	same "README.md, hr.7" readme page
}

@test "hr-supervise tries again just where the table says so" {
	local status again runs

	mkdir bin
	cat >config.yaml <<-'YAML'
	name: t
	source: {dbname: x, slot: s, publication: p}
	target: {dbname: x}
	tenancy: {column: t}
	YAML
	cat >bin/hr-capture <<-SH
	#!/bin/sh
	case " \$* " in *" --print-pipeline "*) exec "$(command -v hr-capture)" "\$@" ;; esac
	SH
	# What is tried again succeeds.
	cat >bin/hr-apply <<-'SH'
	#!/bin/sh
	cat >/dev/null
	echo >>runs
	[ "$(wc -l <runs)" -gt 1 ] || exit "$(cat status)"
	SH
	chmod +x bin/*
	while read -r status again _; do
		rm -f runs
		echo "$status" >status
		runs=1
		[ "$again" != yes ] || runs=2 status=0
		PATH=$PWD/bin:$PATH HR_STATE=$PWD/state HR_BACKOFF_MIN=0 \
		    run "-$status" timeout 20 hr-supervise config.yaml </dev/null 3>&-
		[ "$(wc -l <runs)" = "$runs" ] || fail "status $(cat status): run $(wc -l <runs) times"
	done < <(table)
}

@test "no page names a status that is not in the table" {
	local page

	table | cut -d' ' -f1 | sort >known
	for page in "$ROOT"/man/*.1; do
		awk '/^\.Sh / { on = $0 == ".Sh EXIT STATUS"; next } on && /^\.It / {
		    for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+$/) print $i }' "$page" | sort -u >said
		[ -s said ] || fail "$page has no statuses"
		# As diff(1): it has found differences.
		[ "${page##*/}" != hr-migrate.1 ] || sed -i '/^1$/d' said
		[ -z "$(comm -23 said known)" ] || fail "$page: $(comm -23 said known)"
	done
}

@test "hr(7), README.md and the page of each tool say the same of it" {
	local tool

	for tool in $(tools); do
		[ -f "$ROOT/man/$tool.1" ] || continue	# help.bats
		echo "$tool $(sed -n 's/^\.Nd //p' "$ROOT/man/$tool.1")"
	done | sort >pages
	awk '/^\.Sh / { on = $0 == ".Sh TOOLS"; next } !on { next }
	/^\.It Xr / { tool = $3; next } /^\.(El|Pp)/ { tool = "" }
	tool { print tool " " $0; tool = "" }' "$ROOT/man/hr.7" | sort >seven
	sed -nE 's/^\| (hr-[a-z]+) \| (.*) \|$/\1 \2/p' "$ROOT/README.md" | sort >readme
	[ -s pages ]
	same "pages, hr.7" pages seven
	same "pages, README.md" pages readme
}

@test "every tool has its tests" {
	local tool status=0

	for tool in $(tools); do
		[ -f "$ROOT/tests/cmd/$tool.bats" ] || { fail "no tests/cmd/$tool.bats" || status=1; }
	done
	return $status
}

# Commands of ours in the displays of a page, or the indented lines of
# README.md, one a line; a quoted one is one too.
commands() {
	case $1 in
	*.md)	sed -nE 's/^(    |\t)//p' "$1" ;;
	*)	awk '/^\.Bd/ { on = 1; next } /^\.Ed/ { on = 0; print "" } on' "$1" ;;
	esac | sed -E ":a; /\\\\e?$/ { N; s/\\\\e?\n[[:space:]]*/ /; ba; }; s/'(hr-[a-z]+ )/\n\1/g" | tr '|;&()' '\n' |
	    sed -nE 's/^[[:space:]]*(\$ )?(hr-[a-z]+)( .*)?$/\2\3/p' | grep -vE '^hr-[a-z]+:'
}

@test "every option in an example is one of the tool's" {
	local file command option tool n=0 status=0

	for tool in $(tools); do
		help_options "$tool" >"$tool.options"
	done
	for file in "$ROOT"/man/*.[157] "$ROOT/README.md" "$ROOT"/examples/*/README; do
		while IFS= read -r command; do
			tool=${command%% *}
			[ -f "$tool.options" ] || { fail "$file: no $tool: $command" || status=1; continue; }
			for option in $(split <<<"${command#"$tool"}"); do
				n=$((n + 1))
				grep -qxe "$option" "$tool.options" ||
				    { fail "$file: $tool has no $option: $command" || status=1; }
			done
		done < <(commands "$file")
	done
	[ "$n" -gt 30 ] || fail "only $n options in examples"
	return $status
}

@test "every option that a page names is one of some tool's" {
	local file option status=0

	for option in $(tools); do
		help_options "$option"
	done | sort -u >known
	# Of other programs: of systemctl, wc.
	for file in "$ROOT"/man/*.[157]; do
		for option in $(awk '/^\.Sh / { print ".Sh ALL"; next } { print }' "$file" | macros ALL); do
			grep -qxe "$option" known || { fail "$file: $option" || status=1; }
		done
	done
	return $status
}

# The fixed parts of the messages in DIAGNOSTICS: what is not in capitals.
parts() {
	sed -nE 's/^\.It "(.*)"$/\1/p' "$1" | sed -E 's/""/"/g; s/\.\.\.//g; s/0xNN/N/; s/; .*//' |
	    sed -E "s/['\"]?\<[A-Z][A-Z]*\>['\"]?/\n/g" | sed -E 's/^[^a-z]+//; s/[^a-z]+$//' |
	    awk 'length >= 8'
}

@test "the messages in DIAGNOSTICS are those of the code" {
	local page part n=0 status=0
	# Those of the server.
	local server='is active for|permission denied to set parameter.*'

	literals >code
	for page in "$ROOT"/man/*.1; do
		while IFS= read -r part; do
			[[ ! $part =~ ^($server)$ ]] || continue
			n=$((n + 1))
			grep -qF -- "$part" code || { fail "$page: '$part'" || status=1; }
		done < <(parts "$page")
	done
	[ "$n" -gt 40 ] || fail "only $n parts"
	return $status
}

@test "the tables of the schema hr are those of the page" {
	grep -ohE 'CREATE TABLE IF NOT EXISTS hr\.[a-z]+' "$ROOT"/lib/apply/{book,copied,join}.c |
	    grep -oE '[a-z]+\.[a-z]+' | sort >code
	awk '/^\.S[hs] / { on = $0 == ".Ss The schema hr"; next }
	    on && /^\.It Li hr\./ { print $3 }' "$ROOT/man/hr-apply.1" | sort >page
	[ -s code ]
	same "book.c, copied.c and join.c, hr-apply.1" code page
}

@test "the kinds of conflict are those of the page" {
	grep -ohE '"(insert|update|delete|truncate)_[a-z]+"' "$ROOT/lib/apply/row.c" |
	    tr -d '"' | sort -u >code
	awk '/^\.S[hs] / { on = $0 == ".Ss Conflicts"; next }
	    on && /^\.It Li / { print $3 }' "$ROOT/man/hr-apply.1" | sort >page
	[ -s code ]
	same "row.c, hr-apply.1" code page
}

@test "the metrics are those of hr(7)" {
	cat "$ROOT"/lib/*/*.c | grep -oE 'hr_metric\(&m, "[a-z_]+"' | grep -oE 'hr_[a-z]+_[a-z_]+' |
	    sort -u >code
	awk '/^\.Sh / { on = $0 == ".Sh METRICS"; next }
	    on && /^\.It Li / { print $3 }' "$ROOT/man/hr.7" | sort -u >page
	[ -s code ]
	same "lib, hr.7" code page
}

@test "the variables of the environment are in hr(7)" {
	{
		cat "$ROOT"/lib/*/*.c "$ROOT"/cmd/*.c | grep -oE 'getenv\("[A-Z_]+"' |
		    grep -oE '[A-Z_]+'
		grep -oE '\$\{HR_[A-Z_]+' "$ROOT/cmd/hr-supervise" | grep -oE 'HR_[A-Z_]+'
	} | sort -u >code
	awk '/^\.Sh / { on = $0 == ".Sh ENVIRONMENT"; next } on' "$ROOT/man/hr.7" |
	    grep -oE '[A-Z][A-Z_]{3,}' | sort -u >page
	[ -s code ]
	[ -z "$(comm -23 code page)" ] || fail "not in hr.7: $(comm -23 code page)"
}

@test "mandoc finds nothing to warn of" {
	need mandoc
	run -0 mandoc -T lint -W warning "$ROOT"/man/*.[157]
	[ -z "$output" ]
}

@test "a page that another one names is there, when it is ours" {
	local page status=0

	for page in $(grep -hoE '^\.Xr hr(-[a-z]+)? [157]' "$ROOT"/man/*.[157] | sort -u |
	    sed -E 's/^\.Xr ([^ ]+) ([157])$/\1.\2/'); do
		[ -f "$ROOT/man/$page" ] || { fail "no man/$page" || status=1; }
	done
	return $status
}
