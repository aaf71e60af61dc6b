#!/bin/sh
# Checks every pinned package for known vulnerabilities in OSV's database: sh config/audit.sh (in the development
# environment; options are passed to pip-audit). Exits with 1 if there are any, or if a package cannot be audited. If OSV
# cannot be reached at all, it says that nothing was checked and exits with 0.
set -u
cd "$(dirname "$0")/.."
messages=$(mktemp)
trap 'rm -f "$messages"' EXIT
pip-audit --requirement config/requirements.txt --require-hashes --disable-pip --strict --progress-spinner off \
  --vulnerability-service osv "$@" 2> "$messages"
status=$?
if [ $status -ne 0 ] && grep -Eq 'requests\.exceptions\.(ConnectionError|ProxyError|SSLError|ReadTimeout)|Could not connect' "$messages"; then
  echo "NOT CHECKED: OSV's database cannot be reached from here" >&2
  exit 0
fi
cat "$messages" >&2
exit $status
