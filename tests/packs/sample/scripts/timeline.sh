#!/bin/sh
# Adds a line to the incident's timeline: timeline.sh FILE WORDS...
set -eu
file=$1
shift
printf '%s  %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >>"$file"
