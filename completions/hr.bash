# Completion of hr's tools in bash.  Installed under the name of each.
# shellcheck shell=bash

# The services that libpq knows, as connection strings.
_hr_services() {
	local file

	for file in "${PGSERVICEFILE:-$HOME/.pg_service.conf}" \
	    "${PGSYSCONFDIR:-/etc/postgresql-common}/pg_service.conf"; do
		[[ -r $file ]] && sed -n 's/^\[\([^]]*\)\].*/service=\1/p' "$file"
	done
}

# The checkpoints of pipelines, and files.
_hr_checkpoints() {		# WORD
	local state

	for state in "$HR_STATE" "${XDG_STATE_HOME:-$HOME/.local/state}/hr" /var/lib/hr; do
		[[ -n $state ]] && compgen -G "$state/*/checkpoint"
	done | sort -u
	compgen -f -- "$1"
}

_hr_options() {			# TOOL COMMAND
	local pipe='--config --tenant -j --jobs --checkpoint --metrics --ready-fd --log-format
	    -d --dbname -v --verbose -h --help --version'

	case $1:$2 in
	hr-capture:*)
		echo "$pipe -S --slot -P --publication --tenant-column --tenant-schema
		    --tenant-database --create-slot --drop-slot --install-ddl --remove-ddl --snapshot --part-size
		    --copy-tenant -E --endpos --check
		    --epoch --origin -s --status-interval --spill-dir --spill-max --print-pipeline" ;;
	hr-apply:*)
		echo "$pipe --ddl --retry --batch-rows --sequences --synchronous-commit -n --dry-run" ;;
	hr-transform:*)
		echo "--check --checkpoint -d --dbname --dead-letters --dry-run --dump --key --key-fd -P --publication
		    --rules --state -v -h --version" ;;
	hr-compress:*)
		echo "-d --decompress --auto --block-rows --group --independent --json --key-every --memory --stats
		    -v --verbose -h --version" ;;
	hr-ship:*)
		echo "--all --archive --chain --drain --dry-run --from-archive --json --keep-days --keep-full --key-command --key-file
		    --key-id --nats-creds --nats-max --nats-replicas --qos --score --segment --since --spool --spool-max --stream --unsealed --until
		    --to --listen --by --checkpoint --commands --connections --exec --give-up --hello-timeout --insecure
		    --metrics --once --port-file --ready-fd --tenant --tenant-map --timeout --tls-ca --tls-cert
		    --tls-crl --tls-key --tls-name --window --log-format -v --verbose -h --help --version" ;;
	hr-checkpoint:show | hr-checkpoint:get)
		echo "--tenant --json -v" ;;
	hr-checkpoint:wait)	echo "--lsn --tenant --timeout -v" ;;
	hr-checkpoint:set)	echo "--lsn --tenant --force -v" ;;
	hr-checkpoint:export)	echo "-v" ;;
	hr-checkpoint:)		echo "-h --version" ;;
	hr-migrate:verify)
		echo "--from --to -P --publication -S --slot --tenant-column --tenant-schema
		    --tenant-database --config --tenant --table --chunk-rows --state --timeout --json
		    --repair --log-format -v --verbose" ;;
	hr-migrate:)		echo "-h --help --version" ;;
	hr-supervise:*)	echo "-n --dry-run -v --verbose -h --help --version" ;;
	esac
}

_hr() {
	local tool=${COMP_WORDS[0]##*/} line=${COMP_LINE:0:COMP_POINT}
	local IFS=$' \t\n' cur prev whole command='' words i

	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	COMPREPLY=()
	((${#words[@]} > 1)) || return
	whole=${words[-1]} cur=$whole prev=${words[-2]}
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*}
		cur=${cur#*=}
	fi
	if [[ $tool == hr-checkpoint || $tool == hr-migrate ]] && ((${#words[@]} > 2)); then
		command=${words[1]}
	fi

	case $tool:$prev in
	hr-capture:-d | hr-apply:-d | *:--dbname | hr-migrate:--from | hr-migrate:--to)
		mapfile -t COMPREPLY < <(compgen -W "$(_hr_services)" -- "$cur") ;;
	*:--checkpoint)
		compopt -o filenames
		mapfile -t COMPREPLY < <(_hr_checkpoints "$cur" | grep -F -- "$cur") ;;
	*:--config | *:--metrics | hr-migrate:--state | hr-migrate:--repair | hr-ship:--port-file | \
	hr-ship:--key-file | hr-ship:--qos | hr-ship:--score | hr-ship:--tenant-map | hr-ship:--tls-c[aer]* | hr-ship:--tls-key)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	*:--spill-dir | *:--print-pipeline | hr-ship:--archive | hr-ship:--from-archive | hr-ship:--spool)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	*:--log-format)
		mapfile -t COMPREPLY < <(compgen -W "text json" -- "$cur") ;;
	*:--ddl)
		mapfile -t COMPREPLY < <(compgen -W "none add all" -- "$cur") ;;
	*:--sequences)
		mapfile -t COMPREPLY < <(compgen -W "keep follow at-end" -- "$cur") ;;
	hr-ship:--by)
		mapfile -t COMPREPLY < <(compgen -W "sender tenant" -- "$cur") ;;
	*:--origin)
		mapfile -t COMPREPLY < <(compgen -W "any none" -- "$cur") ;;
	*:--synchronous-commit)
		mapfile -t COMPREPLY < <(compgen -W "on off" -- "$cur") ;;
	hr-capture:-E | *:--endpos)
		mapfile -t COMPREPLY < <(compgen -W "now" -- "$cur") ;;
	hr-ship:--to | hr-ship:--listen | hr-ship:--commands | hr-ship:--connections | hr-ship:--exec | hr-ship:--give-up | \
	hr-ship:--hello-timeout | hr-ship:--tls-name | hr-ship:--window | hr-ship:--chain | hr-ship:--keep-* | \
	hr-ship:--key-command | hr-ship:--key-id | hr-ship:--segment | hr-ship:--since | hr-ship:--spool-max | \
	hr-ship:--stream | hr-ship:--nats-max | hr-ship:--nats-replicas | hr-ship:--until | hr-capture:-[SPjs] | hr-apply:-j | *:--slot | *:--publication | *:--tenant* | *:--jobs | \
	*:--epoch | *:--status-interval | *:--spill-max | *:--part-size | *:--ready-fd | *:--batch-rows | \
	*:--block-rows | *:--key-every | *:--memory | *:--lsn | *:--timeout | hr-migrate:-[PS] | *:--table | *:--chunk-rows)
		;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_hr_options "$tool" "$command")" -- "$cur")
		elif [[ $tool == hr-ship && $prev == archive ]]; then
			mapfile -t COMPREPLY < <(compgen -W "list verify expire" -- "$cur")
		elif [[ $tool == hr-ship && $prev == reseal ]]; then
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		elif [[ $tool == hr-ship ]]; then
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -W "archive reseal" -- "$cur"; compgen -d -- "$cur")
		elif [[ $tool == hr-migrate ]]; then
			[[ -n $command ]] || mapfile -t COMPREPLY < <(compgen -W "verify" -- "$cur")
		elif [[ $tool == hr-checkpoint && -z $command ]]; then
			mapfile -t COMPREPLY < <(compgen -W "show get wait set export" -- "$cur")
		elif [[ $tool == hr-checkpoint ]]; then
			compopt -o filenames
			mapfile -t COMPREPLY < <(_hr_checkpoints "$cur" | grep -F -- "$cur")
		elif [[ $tool == hr-supervise ]]; then
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -X '!*.y*ml' -- "$cur"; compgen -d -- "$cur")
		fi ;;
	esac

	# readline replaces only what follows the last word break.
	if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then
		for i in "${!COMPREPLY[@]}"; do
			COMPREPLY[i]=${COMPREPLY[i]#"${cur%"${cur##*=}"}"}
		done
	fi
}

complete -F _hr hr-capture hr-apply hr-transform hr-compress hr-ship hr-checkpoint hr-migrate hr-supervise
