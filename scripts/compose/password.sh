#!/usr/bin/env bash
# Prints the password of the CouchDB that docker-compose.yml starts: that of
# COUCH_PASSWORD, else that of the last time, else a new one of 192 random bits.
# It stays in the file of COUCH_PASSWORD_FILE, which the other containers read as
# a secret; no password is in the repository.
set -euo pipefail
cd "$(dirname "$0")/../.."
file=${COUCH_PASSWORD_FILE:-.run/compose/couch-password}
if [ ! -e "$(dirname "$file")" ]; then
	mkdir -p "$(dirname "$file")"
	chmod 700 "$(dirname "$file")" # nobody else gets to the file
fi
kept=""
if [ -s "$file" ]; then kept=$(<"$file"); fi
password=${COUCH_PASSWORD:-$kept}
if [ -z "$password" ]; then
	password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
fi
if [ "$password" != "$kept" ]; then
	printf '%s\n' "$password" >"$file.new"
	chmod 644 "$file.new" # it is mounted, and read by a user of the container
	mv "$file.new" "$file"
fi
printf '%s\n' "$password"
