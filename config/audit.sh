#!/bin/sh
# Checks every pinned package for known vulnerabilities in OSV's database: sh config/audit.sh (in the development
# environment; options are passed to pip-audit). Exits with 1 if there are any, or if a package cannot be audited, and
# with 2 if OSV cannot be reached: nothing was checked.
set -u
cd "$(dirname "$0")/.."
messages=$(mktemp)
trap 'rm -f "$messages"' EXIT
pip-audit --requirement config/requirements.txt --require-hashes --disable-pip --strict --progress-spinner off \
  --vulnerability-service osv "$@" 2> "$messages"
status=$?
if [ $status -ne 0 ] && grep -Eq 'requests\.exceptions\.(ConnectionError|ProxyError|SSLError|ReadTimeout)|Could not connect' "$messages"; then
  echo "NOT CHECKED: OSV's database cannot be reached from here" >&2
  exit 2
fi
cat "$messages" >&2
exit $status
