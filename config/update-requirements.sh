#!/bin/sh
# Pins every dependency by hash, for all platforms: sh config/update-requirements.sh (needs uv: pip install uv)
# Keeps the versions that are pinned already; `--upgrade` takes the newest of all, `--upgrade-package NAME` of one.
set -eu
cd "$(dirname "$0")/.."
pin() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras "$@"; }
pin pyproject.toml --group build --output-file config/requirements.txt "$@"
pin pyproject.toml --group build --extra demo --constraints config/requirements.txt --output-file config/requirements-demo.txt "$@"
pin pyproject.toml --group dev --extra simulate --constraints config/requirements-demo.txt --output-file config/requirements-dev.txt "$@"
# dbt, for .ci/dbt alone, with the job's DuckDB; what 1.12 builds from source downloads a program
printf '%s\n' 'dbt-core<1.12' 'dbt-duckdb>=1.9' "$(sed -n 's/^\(duckdb==[^ ]*\).*/\1/p' config/requirements.txt)" |
  pin - --output-file config/requirements-dbt.txt "$@"
