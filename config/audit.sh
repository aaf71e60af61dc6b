#!/bin/sh
# Looks for known vulnerabilities of every pinned package in OSV's database: sh config/audit.sh (in the development's
# environment; further options go to pip-audit). Exits with 1 where there are any, or where a package cannot be audited;
# where OSV cannot be reached at all, it says that nothing was checked and exits with 0.
set -u
cd "$(dirname "$0")/.."
told=$(mktemp)
trap 'rm -f "$told"' EXIT
pip-audit --requirement config/requirements.txt --require-hashes --disable-pip --strict --progress-spinner off \
  --vulnerability-service osv "$@" 2> "$told"
status=$?
if [ $status -ne 0 ] && grep -Eq 'requests\.exceptions\.(ConnectionError|ProxyError|SSLError|ReadTimeout)|Could not connect' "$told"; then
  echo "NOT CHECKED: OSV's database cannot be reached from here" >&2
  exit 0
fi
cat "$told" >&2
exit $status
