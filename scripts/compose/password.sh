#!/usr/bin/env bash
# Prints the password of the CouchDB that docker-compose.yml starts: COUCH_PASSWORD,
# else the stored password of the last run, else a new one of 192 random bits. It is
# stored in the file COUCH_PASSWORD_FILE, which the other containers read as a
# secret; the repository contains no password.
set -euo pipefail
cd "$(dirname "$0")/../.."
file=${COUCH_PASSWORD_FILE:-.run/compose/couch-password}
if [ ! -e "$(dirname "$file")" ]; then
	mkdir -p "$(dirname "$file")"
	chmod 700 "$(dirname "$file")" # only the owner can reach the file
fi
kept=""
if [ -s "$file" ]; then kept=$(<"$file"); fi
password=${COUCH_PASSWORD:-$kept}
if [ -z "$password" ]; then
	password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
fi
if [ "$password" != "$kept" ]; then
	printf '%s\n' "$password" >"$file.new"
	chmod 644 "$file.new" # the file is mounted and read by the container's user
	mv "$file.new" "$file"
fi
printf '%s\n' "$password"
