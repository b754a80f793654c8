#!/usr/bin/env bash
# All figures: the servers as processes, then the benchmarks beside the code.
# WORKFLOWS sets the size of the first part (default 20000), BENCH the pattern
# and BENCHTIME the length of the second.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "# servers as processes, ${WORKFLOWS:-20000} workflows"
go run ./scripts/cmd/bench -bin bin -workflows "${WORKFLOWS:-20000}" -seed "${SEED:-1}"
echo
echo "# benchmarks of the parts"
go test -run='^$' -bench="${BENCH:-.}" -benchtime="${BENCHTIME:-1s}" -benchmem work | grep -Ev '^(PASS|ok|\?|goos|goarch)'
