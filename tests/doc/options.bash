# options.bash - the options of a tool, one a line, sorted, from where they are
# said: its -h, its page.
# shellcheck shell=bash disable=SC2154 # ROOT

# The tools that there are.
tools() {
	local file

	for file in "$ROOT"/cmd/hr-*; do
		basename "$file" .c
	done
}

# split: words of text on stdin to options; -nv is two.
split() {
	grep -oE -- '(^|[^[:alnum:]-])--?[A-Za-z][A-Za-z-]*' |
	    sed -E 's/^[^-]//; /^--/!{ s/^-//; s/(.)/-\1\n/g }' | grep . | sort -u || :
}

# In the list that follows the usage an option stands after 2 or 6 spaces.
listed='^ {2}(-| {4}--)'

# usage_options TOOL: those of the usage itself.
usage_options() {
	"$1" -h | grep -vE -- "$listed" | grep -E '^(usage:| {7})' | split
}

# help_options TOOL: those and those of the list.
help_options() {
	{
		usage_options "$1"
		"$1" -h | grep -E -- "$listed" |
		    sed -E 's/^ *((-[A-Za-z]),)? *(--[a-z-]+)?.*/\2 \3/' | split
	} | sort -u
}

# macros SECTION [LINE]: the arguments of Fl in the section of the page on
# stdin, of lines that match.
macros() {
	awk -v section="$1" -v line="${2:-.}" '
	/^\.Sh / { on = substr($0, 5) == section; next }
	on && /^\./ && $0 ~ line {
		fl = 0
		for (i = 1; i <= NF; i++) {
			if ($i == "Fl" || $i == ".Fl")
				fl = 1
			else if ($i ~ /^\.?[A-Z][a-z]$/)
				fl = 0
			else if (fl && $i ~ /^-?[A-Za-z]/)
				print "-" $i
		}
	}' | split
}

# synopsis_options TOOL, described_options TOOL: those of the page.
synopsis_options() {
	macros SYNOPSIS <"$ROOT/man/$1.1"
}

described_options() {
	macros DESCRIPTION '^\.It Fl' <"$ROOT/man/$1.1"
}

# same WHAT FILE FILE: or say what only one of them has.
same() {
	diff "$2" "$3" >difference || {
		echo "$1 (<, >):"
		cat difference
		return 1
	} >&2
}
