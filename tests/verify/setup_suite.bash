# The same two clusters as tests/pipe.

# shellcheck source=tests/pipe/setup_suite.bash
. "${BASH_SOURCE[0]%/*}/../pipe/setup_suite.bash"
