#!/usr/bin/env bash
# Runs a command with POUCHDB_URL set to a new pouchdb-server. The server is
# installed into a temporary folder (versions: scripts/pouchdb/package-lock.json,
# no install scripts), keeps its data in memory, and ends with the command. If the
# server is unavailable, a message says why and the command does not run; with
# --or-without the command then runs with an empty POUCHDB_URL.
set -euo pipefail
cd "$(dirname "$0")/.."
without=no
if [ "${1:-}" = --or-without ]; then
	without=yes
	shift
fi
[ $# -gt 0 ] || { echo "usage: scripts/pouchdb.sh [--or-without] COMMAND..." >&2; exit 2; }

folder=$(mktemp -d)
server=
finish() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$folder"
}
trap finish EXIT
skip() {
	echo "pouchdb-server skipped: $1"
	if [ "$without" = yes ]; then
		POUCHDB_URL= "${command[@]}"
	fi
	exit
}
command=("$@")

command -v npm >/dev/null 2>&1 || skip "npm is not installed"
cp scripts/pouchdb/package.json scripts/pouchdb/package-lock.json "$folder"
(cd "$folder" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund) >"$folder/npm.log" 2>&1 ||
	skip "installation failed: $(grep -m1 -i error "$folder/npm.log" || tail -n1 "$folder/npm.log")"

# The server does not accept port 0, so a random port is tried. Another program
# may use it: then the next one is tried.
for _ in 1 2 3 4 5; do
	port=$((20000 + RANDOM % 12000))
	(cd "$folder" && exec node node_modules/pouchdb-server/bin/pouchdb-server --in-memory --host 127.0.0.1 --port "$port") >"$folder/server.log" 2>&1 &
	server=$!
	for _ in $(seq 300); do
		if ! kill -0 "$server" 2>/dev/null; then
			break
		fi
		if curl -sf -m 2 -o /dev/null "http://127.0.0.1:$port/" && kill -0 "$server" 2>/dev/null; then
			POUCHDB_URL="http://127.0.0.1:$port" "${command[@]}"
			exit
		fi
		sleep 0.2
	done
	kill "$server" 2>/dev/null || true
	server=
done
skip "it did not start: $(tail -n1 "$folder/server.log")"
