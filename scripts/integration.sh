#!/usr/bin/env bash
# Tests of the CouchDB client and of a whole server against a real CouchDB.
# COUCH_URL (with user and password: http://user:password@host:5984) names it;
# without it the compose CouchDB is started if a container engine runs. The tests
# create databases with random names and delete them. They also run against a
# pouchdb-server: that of POUCHDB_URL, or one that is started if npm is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${POUCHDB_URL+set}" ]; then
	exec bash scripts/pouchdb.sh --or-without bash scripts/integration.sh
fi
if [ -z "${COUCH_URL:-}" ]; then
	if ! docker info >/dev/null 2>&1; then
		echo "integration: COUCH_URL is not set and no container engine is running" >&2
		exit 1
	fi
	COUCH_PASSWORD=$(bash scripts/compose/password.sh)
	export COUCH_PASSWORD
	docker compose up --detach --wait couchdb
	trap 'docker compose down --volumes' EXIT
	export COUCH_URL="http://${COUCH_USER:-admin}:$COUCH_PASSWORD@127.0.0.1:${COUCH_PORT:-5984}"
fi

# Only packages with integration tests: building the others for the race detector
# would take longer than the tests. One at a time: some tests stop the server.
packages=$(grep -rlE '^func TestIntegration' --include='*_test.go' cacheserver mock scripts | xargs -n1 dirname | sort -u | sed 's#^#github.com/dmwm/wmstats/#')
log=$(mktemp)
# shellcheck disable=SC2086 # a list of packages
go test -race -count=1 -p 1 -timeout 15m -v -run '^TestIntegration' $packages 2>&1 | tee "$log"
for t in TestIntegrationSource TestIntegrationServer TestIntegrationViewFaults; do
	if ! grep -q "^--- PASS: $t " "$log"; then
		echo "integration: $t did not run" >&2
		exit 1
	fi
done
rm -f "$log"
