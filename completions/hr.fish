# Completion of hr's tools in fish.  Installed under the name of each.

# The services that libpq knows, as connection strings.
function __hr_services
    set -l home $HOME/.pg_service.conf
    set -q PGSERVICEFILE; and set home $PGSERVICEFILE
    set -l site /etc/postgresql-common
    set -q PGSYSCONFDIR; and set site $PGSYSCONFDIR
    for file in $home $site/pg_service.conf
        test -r $file; and string replace -rf '^\[([^\]]*)\].*' 'service=$1' <$file
    end
end

# The checkpoints of pipelines.
function __hr_checkpoints
    set -l home $HOME/.local/state
    set -q XDG_STATE_HOME; and set home $XDG_STATE_HOME
    for state in $HR_STATE $home/hr /var/lib/hr
        set -l found $state/*/checkpoint
        string join \n -- $found
    end | sort -u
end

# Whether the command of hr-checkpoint is one of these; without any: not given.
function __hr_command
    set -l words (commandline -opc)
    if test (count $argv) -eq 0
        test (count $words) -lt 2
    else
        test (count $words) -ge 2; and contains -- $words[2] $argv
    end
end

for tool in hr-capture hr-apply hr-transform hr-compress hr-ship hr-checkpoint hr-migrate hr-supervise
    complete -c $tool -e
    complete -c $tool -f
end

for tool in hr-capture hr-apply
    complete -c $tool -s d -l dbname -x -a '(__hr_services)' -d 'Connection string'
    complete -c $tool -l config -r -F -d 'The pipeline\'s YAML file'
    complete -c $tool -l tenant -x -d 'Only this tenant'
    complete -c $tool -s j -l jobs -x -d 'Connections'
    complete -c $tool -l checkpoint -r -F -a '(__hr_checkpoints)' -d 'Checkpoint file'
    complete -c $tool -l metrics -r -F -d 'Keep metrics there'
    complete -c $tool -l ready-fd -x -d 'Write a newline there when ready'
    complete -c $tool -l log-format -x -a 'text json' -d 'Of messages'
end
for tool in hr-capture hr-apply hr-ship hr-supervise
    complete -c $tool -s v -l verbose -d 'Say more'
    complete -c $tool -s h -l help -d 'Print the usage'
    complete -c $tool -l version -d 'Print the version'
end

complete -c hr-capture -s S -l slot -x -d 'Replication slot'
complete -c hr-capture -s P -l publication -x -d 'Publications, with commas'
complete -c hr-capture -l tenant-column -x -d 'The column that holds the tenant'
complete -c hr-capture -l tenant-schema -x -d 'Schemas are tenants'
complete -c hr-capture -l tenant-database -x -d 'The database is this tenant'
complete -c hr-capture -l create-slot -d 'Make the slot when it does not exist'
complete -c hr-capture -l drop-slot -d 'Drop the slot and exit'
complete -c hr-capture -l install-ddl -d 'Make the source say how its tables change and exit'
complete -c hr-capture -l remove-ddl -d 'Take that away again and exit'
complete -c hr-capture -l snapshot -d 'Copy existing rows first'
complete -c hr-capture -l copy-tenant -x -d 'Ask the running capture to copy this tenant'
complete -c hr-capture -l part-size -x -d 'Of the parts that large tables are copied in'
complete -c hr-capture -s E -l endpos -x -a now -d 'End after the last commit at or before this'
complete -c hr-capture -l check -d 'Say what can be routed and exit'
complete -c hr-capture -l epoch -x -d 'Of this source'
complete -c hr-capture -l origin -x -a 'any none' -d 'Leave out what arrived by replication'
complete -c hr-capture -s s -l status-interval -x -d 'Seconds between status updates'
complete -c hr-capture -l spill-dir -x -a '(__fish_complete_directories)' -d 'For transactions larger than memory'
complete -c hr-capture -l spill-max -x -d 'At most this much of it'
complete -c hr-capture -l print-pipeline -x -a '(__fish_complete_directories)' -d 'Print the commands of the pipeline and exit'

complete -c hr-apply -l ddl -x -a 'none add all' -d 'What to do about columns the target lacks'
complete -c hr-apply -l retry -d 'Take parked tenants up again and exit'
complete -c hr-apply -l batch-rows -x -d 'Rows of a batch under a backlog'
complete -c hr-apply -l sequences -x -a 'keep follow at-end' -d 'Values of the source\'s sequences'
complete -c hr-apply -l synchronous-commit -x -a 'on off' -d 'Wait for the target\'s disk at each commit'
complete -c hr-apply -s n -l dry-run -d 'Read and check the stream, write nothing'

complete -c hr-transform -l check -d 'Print what rules do to tables and their first rows'
complete -c hr-transform -l checkpoint -r -d 'What the target has'
complete -c hr-transform -s d -l dbname -x -d 'The source whose tables are checked'
complete -c hr-transform -l dead-letters -r -d 'Where parked rows go'
complete -c hr-transform -l dry-run -d 'Print each row before and after'
complete -c hr-transform -l key -r -d 'The file with the key'
complete -c hr-transform -l key-fd -x -d 'The descriptor with the key'
complete -c hr-transform -s P -l publication -x -d 'The publications whose tables are checked'
complete -c hr-transform -l rules -r -d 'The rules'
complete -c hr-transform -l state -r -d 'Where states of aggregations are kept'
complete -c hr-transform -l dump -d 'Print the stream as JSON lines'
complete -c hr-transform -s v -d 'Say more'
complete -c hr-transform -s h -d 'Print the usage'
complete -c hr-transform -l version -d 'Print the version'

complete -c hr-compress -s d -l decompress -d 'Unpack'
complete -c hr-compress -l auto -d 'Let the level follow the slower of link and CPU'
complete -c hr-compress -l block-rows -x -d 'Rows of a block under a backlog'
complete -c hr-compress -l group -d 'One block for the rows of all tenants'
complete -c hr-compress -l independent -d 'No block needs another one'
complete -c hr-compress -l json -d 'Print statistics as JSON lines'
complete -c hr-compress -l key-every -x -d 'Blocks from one that a reader can begin at to the next'
complete -c hr-compress -l memory -x -d 'What may be kept for blocks to come'
complete -c hr-compress -l stats -d 'Print what columns took'
complete -c hr-compress -s v -l verbose -d 'Say more'
complete -c hr-compress -s h -d 'Print the usage'
complete -c hr-compress -l version -d 'Print the version'

complete -c hr-ship -n __hr_command -a archive -d 'Look at an archive'
complete -c hr-ship -n __hr_command -a reseal -d 'Seal segments with the newest key'
complete -c hr-ship -n '__fish_seen_subcommand_from archive' -a 'list verify expire'
complete -c hr-ship -n '__fish_seen_subcommand_from reseal' -x -a '(__fish_complete_directories)'
complete -c hr-ship -l all -d 'Those too that are sealed with the newest key'
complete -c hr-ship -l archive -x -a '(__fish_complete_directories)' -d 'Keep standard input there'
complete -c hr-ship -l chain -x -d 'Of the archive'
complete -c hr-ship -l dry-run -d 'Say what would be removed, or sealed'
complete -c hr-ship -l from-archive -x -a '(__fish_complete_directories)' -d 'Write a stream from there'
complete -c hr-ship -l json -d 'Print JSON lines'
complete -c hr-ship -l keep-days -x -d 'Restores to these days stay possible'
complete -c hr-ship -l keep-full -x -d 'So many first copies stay'
complete -c hr-ship -l key-command -x -d 'Wraps and unwraps keys'
complete -c hr-ship -l key-file -r -F -d 'Keys to seal with'
complete -c hr-ship -l key-id -x -d 'Of the command\'s keys'
complete -c hr-ship -l nats-creds -r -F -d 'Who we are'
complete -c hr-ship -l nats-max -x -d 'Bytes of a stream that is made'
complete -c hr-ship -l nats-replicas -x -d 'Servers that keep it'
complete -c hr-ship -l qos -r -F -d 'Tiers and priorities of tenants'
complete -c hr-ship -l score -r -F -d 'Scores of tenants'
complete -c hr-ship -l segment -x -d 'Bytes of a segment'
complete -c hr-ship -l since -x -d 'For a target that has all to there'
complete -c hr-ship -l spool -x -a '(__fish_complete_directories)' -d 'Keep what cannot be sent there'
complete -c hr-ship -l spool-max -x -d 'When so much is kept, the input waits'
complete -c hr-ship -l stream -x -d 'Of this slot'
complete -c hr-ship -l drain -d 'Send what the spool has, and end'
complete -c hr-ship -l unsealed -d 'With keys: read too what is not sealed'
complete -c hr-ship -l until -x -d 'Up to the last commit by then'
complete -c hr-ship -l to -x -d 'Send standard input there'
complete -c hr-ship -l listen -x -d 'Take streams there'
complete -c hr-ship -l by -x -a 'sender tenant' -d 'Streams that are taken'
complete -c hr-ship -l checkpoint -r -F -a '(__hr_checkpoints)' -d 'What the target has'
complete -c hr-ship -l commands -x -d 'For one sender at a time, at most'
complete -c hr-ship -l connections -x -d 'At most'
complete -c hr-ship -l exec -x -d 'Hand each stream to a command'
complete -c hr-ship -l give-up -x -d 'Stop when there was no receiver for so long'
complete -c hr-ship -l hello-timeout -x -d 'For a peer to say who it is'
complete -c hr-ship -l insecure -d 'Plain TCP beyond this host'
complete -c hr-ship -l metrics -r -F -d 'Keep metrics there'
complete -c hr-ship -l once -d 'End when the first stream has ended'
complete -c hr-ship -l port-file -r -F -d 'Write the port that is listened on there'
complete -c hr-ship -l ready-fd -x -d 'Write a newline there when ready'
complete -c hr-ship -l tenant -x -d 'Take only this tenant'
complete -c hr-ship -l tenant-map -r -F -d 'Which tenants certificates may carry'
complete -c hr-ship -l timeout -x -d 'Without a word from a peer, it is gone'
complete -c hr-ship -l tls-ca -r -F -d 'Who signs the peers\' certificates'
complete -c hr-ship -l tls-cert -r -F -d 'Our certificate'
complete -c hr-ship -l tls-crl -r -F -d 'Certificates that are no longer good'
complete -c hr-ship -l tls-key -r -F -d 'Its key'
complete -c hr-ship -l tls-name -x -d 'The name that the receiver\'s certificate must have'
complete -c hr-ship -l window -x -d 'What is kept until it has arrived'
complete -c hr-ship -l log-format -x -a 'text json' -d 'Of messages'

complete -c hr-checkpoint -n __hr_command -a show -d 'Print a table'
complete -c hr-checkpoint -n __hr_command -a get -d 'Print the position'
complete -c hr-checkpoint -n __hr_command -a wait -d 'Until a position is reached'
complete -c hr-checkpoint -n __hr_command -a set -d 'Write another position'
complete -c hr-checkpoint -n __hr_command -a export -d 'Print all as JSON'
complete -c hr-checkpoint -n __hr_command -s h -d 'Print the usage'
complete -c hr-checkpoint -n __hr_command -l version -d 'Print the version'
complete -c hr-checkpoint -n '__hr_command show get wait set export' -F -a '(__hr_checkpoints)'
complete -c hr-checkpoint -n '__hr_command show get wait set export' -s v -d 'Say more'
complete -c hr-checkpoint -n '__hr_command show get wait set' -l tenant -x -d 'This tenant only'
complete -c hr-checkpoint -n '__hr_command show get' -l json -d 'Print JSON'
complete -c hr-checkpoint -n '__hr_command wait set' -l lsn -x -d 'Position'
complete -c hr-checkpoint -n '__hr_command wait' -l timeout -x -d 'Give up after so many seconds'
complete -c hr-checkpoint -n '__hr_command set' -l force -d 'Move it forward'

complete -c hr-migrate -n __hr_command -a verify -d 'Compare a target with its source'
complete -c hr-migrate -n __hr_command -s h -l help -d 'Print the usage'
complete -c hr-migrate -n __hr_command -l version -d 'Print the version'
complete -c hr-migrate -n '__hr_command verify' -l from -x -a '(__hr_services)' -d 'The source'
complete -c hr-migrate -n '__hr_command verify' -l to -x -a '(__hr_services)' -d 'The target'
complete -c hr-migrate -n '__hr_command verify' -s P -l publication -x -d 'Publications, with commas'
complete -c hr-migrate -n '__hr_command verify' -s S -l slot -x -d 'Of the pipeline'
complete -c hr-migrate -n '__hr_command verify' -l tenant-column -x -d 'The column that holds the tenant'
complete -c hr-migrate -n '__hr_command verify' -l tenant-schema -x -d 'Schemas are tenants'
complete -c hr-migrate -n '__hr_command verify' -l tenant-database -x -d 'The database is this tenant'
complete -c hr-migrate -n '__hr_command verify' -l config -r -F -d 'The pipeline\'s YAML file'
complete -c hr-migrate -n '__hr_command verify' -l tenant -x -d 'Only this tenant'
complete -c hr-migrate -n '__hr_command verify' -l table -x -d 'Only this table'
complete -c hr-migrate -n '__hr_command verify' -l chunk-rows -x -d 'Rows compared at a time'
complete -c hr-migrate -n '__hr_command verify' -l state -r -F -d 'Go on from there after being killed'
complete -c hr-migrate -n '__hr_command verify' -l timeout -x -d 'For the target to follow and a row to settle'
complete -c hr-migrate -n '__hr_command verify' -l json -d 'Print JSON'
complete -c hr-migrate -n '__hr_command verify' -l repair -r -F -d 'Write a stream that makes the target equal'
complete -c hr-migrate -n '__hr_command verify' -l log-format -x -a 'text json' -d 'Of messages'
complete -c hr-migrate -n '__hr_command verify' -s v -l verbose -d 'Say more'

complete -c hr-supervise -s n -l dry-run -d 'Print the pipelines, run nothing'
complete -c hr-supervise -F
