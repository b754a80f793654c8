#!/usr/bin/env bash
# All figures: the servers as processes, then the benchmarks beside the code.
# SECTIONS picks parts (firstread latency ui memory content checkpoint soak scale api
# dear store parts; default all), WORKFLOWS sets the size of the first three (default 20000),
# CHECKPOINT that of the start from a checkpoint (default 100000), SOAK the length
# of the soak (default 20m) and SOAK_MEMORY its --memory, SCALE the sizes of the
# repeated worlds (default "200000 1000000", 5 minutes and 9 GB), API_SIZES those of
# the API's (default 20000,200000,1000000), DEAR those of the most expensive
# requests (default 20000,1000000; the second takes 6 GB), STORE those of the store's (the same)
# and STORETIME the turns of each, BENCH the pattern and BENCHTIME the length of
# the last one.
set -euo pipefail
cd "$(dirname "$0")/.."
sections=" ${SECTIONS:-firstread latency ui memory content checkpoint soak scale api dear store parts} "
mkdir -p bin
go build -o bin/bench ./scripts/cmd/bench
servers() { bin/bench -bin bin -seed "${SEED:-1}" "$@"; }
wanted() { [[ "$sections" == *" $1 "* ]]; }

only=$(for s in firstread latency ui; do if wanted $s; then echo -n "$s,"; fi; done)
if [ -n "$only" ]; then
	echo "# servers as processes, ${WORKFLOWS:-20000} workflows"
	servers -only "${only%,}" -workflows "${WORKFLOWS:-20000}"
fi
if wanted memory; then
	echo "# memory: 40 000 workflows, 50 000 agent documents of 20 KB"
	servers -only memory
fi
if wanted content; then
	echo "# content, not revisions: 50 000 agent documents rewritten in each cycle"
	servers -only content
fi
if wanted checkpoint; then
	echo "# start from a checkpoint, ${CHECKPOINT:-100000} workflows of a repeated world"
	servers -only checkpoint -workflows "${CHECKPOINT:-100000}"
fi
if wanted soak; then
	echo "# soak: ${WORKFLOWS:-20000} workflows under the load of a working day"
	servers -only soak -workflows "${WORKFLOWS:-20000}" -soak-length "${SOAK:-20m}" ${SOAK_MEMORY:+-soak-memory "$SOAK_MEMORY"}
fi
if wanted scale; then
	for n in ${SCALE:-200000 1000000}; do
		echo "# $n workflows of a repeated world"
		servers -workflows "$n"
	done
fi
if wanted api; then
	echo "# the API: against nginx, against the naive way, static against dynamic schema"
	go build -o bin/benchapi ./scripts/cmd/benchapi
	bin/benchapi -sizes "${API_SIZES:-20000,200000,1000000}"
fi
if wanted dear; then
	echo "# the most expensive requests"
	go build -o bin/benchapi ./scripts/cmd/benchapi
	bin/benchapi -only dear -sizes "${DEAR:-20000,1000000}"
fi
if wanted store; then
	for n in ${STORE:-20000 200000 1000000}; do
		echo "# the store alone, $n workflows, processor time"
		(cd cacheserver && WMSTATS_BENCH_N=$n go test -run='^$' -timeout=1h -benchtime="${STORETIME:-100x}" \
			-bench='Publish|Search|Filter|Facets|Sort|Page|StitchedSize|WarmMemory|ReaderPause' ./store) | awk -v n="$n" -f scripts/bench/store.awk
	done
fi
if wanted parts; then
	echo "# benchmarks of the parts"
	go test -run='^$' -bench="${BENCH:-.}" -benchtime="${BENCHTIME:-1s}" -benchmem work | grep -Ev '^(PASS|ok|\?|goos|goarch)'
fi
