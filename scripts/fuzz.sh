#!/usr/bin/env bash
# Runs every fuzz target of every module for the given time (default 10s each).
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}
found=0
while IFS=: read -r file line; do
	target=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/' <<<"$line")
	dir=$(dirname "$file")
	echo "== $target ($dir) for $time"
	go test -run='^$' -fuzz="^${target}\$" -fuzztime="$time" "./$dir"
	found=$((found + 1))
done < <(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+\(' schema program mock cacheserver uiserver web static scripts | sort)
echo "$found fuzz targets ran"
