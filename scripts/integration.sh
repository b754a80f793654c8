#!/usr/bin/env bash
# The source suite against a real CouchDB. COUCH_URL (with user and password
# inside, http://user:password@host:5984) names one; without it the compose
# CouchDB is started where a container engine runs. The suite makes databases
# of its own, with random names, and drops them.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${COUCH_URL:-}" ]; then
	if ! docker info >/dev/null 2>&1; then
		echo "integration: no COUCH_URL is set and no container engine runs here" >&2
		exit 1
	fi
	docker compose up --detach --wait couchdb
	trap 'docker compose down --volumes' EXIT
	export COUCH_URL="http://${COUCH_USER:-admin}:${COUCH_PASSWORD:-wmstats}@127.0.0.1:${COUCH_PORT:-5984}"
fi
go test -race -count=1 -v -run 'Integration' github.com/dmwm/wmstats/cacheserver/... github.com/dmwm/wmstats/mock/... github.com/dmwm/wmstats/scripts/...
