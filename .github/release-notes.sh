#!/bin/sh
# Prints the section of one version in CHANGELOG.md: sh .github/release-notes.sh 0.1.0
# Fails if there is none, or if its heading, `## [0.1.0] - 2026-12-01`, still has no date.
set -eu
cd "$(dirname "$0")/.."
notes=$(awk -v heading="[$1]" '/^## / {found = $2 == heading && $4 ~ /^[0-9-]+$/; next} found' CHANGELOG.md)
[ -n "$notes" ] || { echo "CHANGELOG.md has no section with a date for $1" >&2; exit 1; }
printf '%s\n' "$notes" | sed '/./,$!d'
