#!/usr/bin/env bash
# Creates the scheduled job from nothing, or brings what exists up to date. README.md in this folder explains each step.
#
#   config/deploy/deploy.sh          all steps, in the order of STEPS; repeat it as often as you like
#   config/deploy/deploy.sh STEP...  only these steps
#   config/deploy/deploy.sh remove   deletes everything except the rows
#
# Google needs minutes until an API, a grant or a new metric is known everywhere. What fails for that reason is tried
# again; any other error ends the script at once, with exit code 2.
set -euo pipefail
exec < /dev/null # a command that asks something would otherwise swallow what was pasted after this one
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

readonly STEPS=(check apis image dataset account job first-run schedule metrics alerts)
readonly METRIC_FILES=(committed_tasks run_seconds cluster_seconds)
readonly WAIT_SECONDS=${WAIT_SECONDS:-900} PAUSE_SECONDS=${PAUSE_SECONDS:-10}
folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '   %s\n' "$*" >&2; }

stop() {
  printf 'deploy.sh: %s\n' "$*" >&2
  exit 2
}

# ---- Names. Each may be set in the environment.

for variable in PROJECT REGION LOCATION; do
  [ -n "${!variable:-}" ] || stop "set $variable, as step 1 of README.md does"
done
export NAME=${NAME:-gke-inventory} DATASET=${DATASET:-gke_inventory}
[[ $NAME =~ ^[a-z][a-z0-9-]{4,18}[a-z0-9]$ ]] ||
  stop "NAME is $NAME: use 6 to 20 lower-case letters, digits and hyphens, since accounts are named after it"
[[ $DATASET =~ ^[A-Za-z0-9_]+$ ]] || stop "DATASET is $DATASET: use letters, digits and underscores"
projects=${CLUSTER_PROJECTS:-$PROJECT}
read -ra cluster_projects <<< "${projects//,/ }"
readonly cluster_projects ROLE=${ROLE:-${NAME//-/_}} SCHEDULE=${SCHEDULE:-17 */6 * * *}
export METRICS=${NAME//-/_} JOB_ACCOUNT=$NAME@$PROJECT.iam.gserviceaccount.com
readonly SCHEDULER_ACCOUNT=$NAME-scheduler@$PROJECT.iam.gserviceaccount.com
readonly BUILD_ACCOUNT=$NAME-build@$PROJECT.iam.gserviceaccount.com
readonly BUCKET=gs://$PROJECT-$NAME-build REPOSITORY=$REGION-docker.pkg.dev/$PROJECT/$NAME
BUILD=${BUILD:-$(git -C "$folder" rev-parse --short HEAD 2> /dev/null)} || stop "this is no checkout of git: set BUILD"
readonly BUILD
export IMAGE=${IMAGE:-$REPOSITORY/gke-inventory:$BUILD}
GKE_INVENTORY_PROJECTS=$(IFS=, && printf '%s' "${cluster_projects[*]}")
export GKE_INVENTORY_PROJECTS GKE_INVENTORY_SINK="bigquery://$PROJECT.$DATASET?location=$LOCATION"

# ---- Waiting

readonly DISABLED='has not been used in project|SERVICE_DISABLED|API .*(is disabled|not enabled)'
readonly UNKNOWN='not.?found|does not exist|may not exist|unknown service account'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
answer= # what the last command of `patiently` printed

# patiently REGEX COMMAND...: tries again while the command fails with a message that matches. `input` is its stdin.
patiently() {
  local reasons=$1 text waiting='' end=$((SECONDS + WAIT_SECONDS))
  shift
  until answer=$("$@" 2> "$work/stderr" <<< "${input:-}"); do
    text=$(cat "$work/stderr")$answer # bq prints errors on stdout
    # a name may be taken before it can be found
    if grep -qi 'already exists' <<< "$text"; then return; fi
    if ! grep -qiE "$reasons" <<< "$text"; then
      printf '%s\n' "$text" >&2
      stop "this failed: $*"
    fi
    if [ $SECONDS -ge $end ]; then
      printf '%s\n' "$text" >&2
      stop "this still failed after $WAIT_SECONDS s: $*"
    fi
    [ -n "$waiting" ] || say "trying again for up to $WAIT_SECONDS s, until Google knows what is new: $text"
    waiting=yes
    sleep "$PAUSE_SECONDS"
  done
}

# once_enabled COMMAND...: for a command that needs an API that may have just been enabled
once_enabled() { patiently "$DISABLED" "$@"; }

# once_known COMMAND...: for a command that also names an account or role that may have just been created
once_known() { patiently "$DISABLED|$UNKNOWN" "$@"; }

exists() { "$@" > /dev/null 2>&1; }

run_bq() { bq --headless --project_id="$PROJECT" --location="$LOCATION" "$@"; }

# ---- Steps

# The rights that all steps need, by what IAM answers. https://cloud.google.com/iam/docs/testing-permissions
readonly RIGHTS=(
  artifactregistry.repositories.create artifactregistry.repositories.setIamPolicy bigquery.datasets.create
  bigquery.jobs.create bigquery.transfers.update cloudbuild.builds.create cloudscheduler.jobs.create
  iam.serviceAccounts.actAs iam.serviceAccounts.create logging.logMetrics.create monitoring.alertPolicies.create
  resourcemanager.projects.setIamPolicy run.jobs.create run.jobs.run run.jobs.setIamPolicy serviceusage.services.enable
  storage.buckets.create storage.buckets.setIamPolicy
)
readonly CLUSTER_RIGHTS=(
  iam.roles.create iam.roles.undelete iam.roles.update resourcemanager.projects.setIamPolicy
  serviceusage.services.enable
)

missing_rights() { # PROJECT PERMISSION...
  local project=$1 body granted permission
  shift
  body=$(printf '"%s",' "$@")
  # the token comes from stdin: any user of the machine can see arguments
  granted=$(curl --silent --show-error --fail --max-time 30 --config - --header 'Content-Type: application/json' \
    --data "{\"permissions\": [${body%,}]}" \
    "https://cloudresourcemanager.googleapis.com/v1/projects/$project:testIamPermissions" \
    <<< "header = \"Authorization: Bearer $(gcloud auth print-access-token)\"") || {
    say "could not ask which rights you have in $project; going on"
    return
  }
  for permission in "$@"; do
    grep -qF "\"$permission\"" <<< "$granted" || printf '%s ' "$permission"
  done
}

check() {
  local program person missing project
  for program in gcloud bq curl envsubst; do
    command -v "$program" > /dev/null || stop "$program is not installed; Cloud Shell has all that is needed"
  done
  [ -n "$(gcloud version --format="value(alpha)")" ] || stop "alerts need this first: gcloud components install alpha"
  person=$(gcloud auth list --filter=status:ACTIVE --format="value(account)")
  [ -n "$person" ] || stop "nobody is logged in: gcloud auth login"
  for project in "$PROJECT" "${cluster_projects[@]}"; do
    exists gcloud projects describe "$project" ||
      stop "$person cannot see the project $project: gcloud projects list shows those that exist for you"
  done
  missing=$(missing_rights "$PROJECT" "${RIGHTS[@]}")
  [ -z "$missing" ] || stop "$person lacks rights in $PROJECT, which roles/owner has: $missing"
  for project in "${cluster_projects[@]}"; do
    missing=$(missing_rights "$project" "${CLUSTER_RIGHTS[@]}")
    [ -z "$missing" ] || stop "$person lacks rights in $project, which roles/iam.roleAdmin," \
      "roles/resourcemanager.projectIamAdmin and roles/serviceusage.serviceUsageAdmin have: $missing"
  done
  say "$person has the rights that all steps need"
}

apis() {
  local project
  gcloud services enable artifactregistry.googleapis.com bigquery.googleapis.com bigquerydatatransfer.googleapis.com \
    cloudbuild.googleapis.com cloudresourcemanager.googleapis.com cloudscheduler.googleapis.com compute.googleapis.com \
    container.googleapis.com iam.googleapis.com logging.googleapis.com monitoring.googleapis.com run.googleapis.com \
    storage.googleapis.com --project="$PROJECT"
  for project in "${cluster_projects[@]}"; do
    [ "$project" = "$PROJECT" ] || gcloud services enable iam.googleapis.com --project="$project"
  done
}

service_account() { # EMAIL DESCRIPTION
  exists gcloud iam service-accounts describe "$1" --project="$PROJECT" ||
    once_enabled gcloud iam service-accounts create "${1%@*}" --display-name="$2" --project="$PROJECT"
}

grant() { # PROJECT EMAIL ROLE
  once_known gcloud projects add-iam-policy-binding "$1" --member="serviceAccount:$2" --role="$3" --condition=None
}

image() {
  local reasons="$DISABLED|$UNKNOWN|could not resolve source"
  if [[ $IMAGE != "$REPOSITORY"/* ]]; then
    say "$IMAGE is in another repository, and not built here"
    return
  fi
  exists gcloud artifacts repositories describe "$NAME" --location="$REGION" --project="$PROJECT" ||
    once_enabled gcloud artifacts repositories create "$NAME" --repository-format=docker --location="$REGION" \
      --project="$PROJECT"
  if exists gcloud artifacts docker images describe "$IMAGE" --project="$PROJECT"; then
    say "$IMAGE exists"
    return
  fi
  # the first builds fail at their end while the account may not push yet
  [ -n "$(gcloud artifacts docker images list "$REPOSITORY" --limit=1 --format="value(package)" --project="$PROJECT" \
    2> /dev/null)" ] || reasons+='|status "FAILURE"'
  service_account "$BUILD_ACCOUNT" "Builds gke-inventory"
  once_known gcloud artifacts repositories add-iam-policy-binding "$NAME" --location="$REGION" --project="$PROJECT" \
    --member="serviceAccount:$BUILD_ACCOUNT" --role=roles/artifactregistry.writer
  grant "$PROJECT" "$BUILD_ACCOUNT" roles/logging.logWriter
  exists gcloud storage buckets describe "$BUCKET" --project="$PROJECT" ||
    once_enabled gcloud storage buckets create "$BUCKET" --location="$REGION" --uniform-bucket-level-access \
      --public-access-prevention --project="$PROJECT"
  once_known gcloud storage buckets add-iam-policy-binding "$BUCKET" --member="serviceAccount:$BUILD_ACCOUNT" \
    --role=roles/storage.objectViewer --project="$PROJECT"
  say "building $IMAGE, which takes some minutes: https://console.cloud.google.com/cloud-build/builds?project=$PROJECT"
  patiently "$reasons" gcloud builds submit "$folder/../.." --config="$folder/cloudbuild.yaml" \
    --substitutions="_IMAGE=$IMAGE,_BUILD=$BUILD" --gcs-source-staging-dir="$BUCKET/source" \
    --service-account="projects/$PROJECT/serviceAccounts/$BUILD_ACCOUNT" --region="$REGION" --project="$PROJECT"
}

dataset() {
  exists run_bq show --dataset "$PROJECT:$DATASET" ||
    once_enabled run_bq mk --dataset --storage_billing_model=PHYSICAL \
      --description="Snapshots of GKE clusters, by gke-inventory. Start with the view coverage." "$PROJECT:$DATASET"
}

reader_role() { # PROJECT
  local deleted verb=update
  if ! deleted=$(gcloud iam roles describe "$ROLE" --format="value(deleted)" --project="$1" 2> /dev/null); then
    verb=create
  elif [ "$deleted" = True ]; then
    # Within 7 days. Then the name is taken for another 30: set ROLE to another one
    once_enabled gcloud iam roles undelete "$ROLE" --project="$1"
  fi
  once_known gcloud iam roles $verb "$ROLE" --file="$folder/role.yaml" --quiet --project="$1"
}

account() {
  local project
  service_account "$JOB_ACCOUNT" "Reads GKE clusters"
  once_known run_bq query --use_legacy_sql=false \
    "GRANT \`roles/bigquery.dataEditor\` ON SCHEMA \`$PROJECT.$DATASET\` TO 'serviceAccount:$JOB_ACCOUNT'"
  grant "$PROJECT" "$JOB_ACCOUNT" roles/bigquery.jobUser
  for project in "${cluster_projects[@]}"; do
    reader_role "$project"
    grant "$project" "$JOB_ACCOUNT" "projects/$project/roles/$ROLE"
  done
}

filled() { # FILE: its text with the variables below
  # shellcheck disable=SC2016 # envsubst expands these
  envsubst '$NAME $METRICS $IMAGE $JOB_ACCOUNT $GKE_INVENTORY_PROJECTS $GKE_INVENTORY_SINK $PROJECT $DATASET
    $UNACCEPTED_GAPS $UNREAD_CLUSTERS' < "$folder/$1"
}

job() {
  local input
  input=$(filled job.yaml)
  once_known gcloud run jobs replace - --region="$REGION" --project="$PROJECT"
}

# whether the newest run wrote nothing, or could not read something for lack of rights
lacks_rights() {
  local count="SELECT COUNT(*) FROM $DATASET.coverage WHERE reason = 'forbidden'"
  ! answer=$(run_bq query --use_legacy_sql=false --format=csv "$count" 2> /dev/null) || [ "${answer##*$'\n'}" != 0 ]
}

first-run() {
  local tries=1
  until gcloud run jobs execute "$NAME" --wait --region="$REGION" --project="$PROJECT"; do
    if ((tries == 4)) || ! lacks_rights; then
      say "the execution failed: its log says why, and README.md what the exit code means"
      break
    fi
    say "grants may take 7 minutes: trying again in $((PAUSE_SECONDS * 12)) s"
    sleep $((PAUSE_SECONDS * 12))
    tries=$((tries + 1))
  done
  say "this could not be read, if anything:"
  run_bq query --use_legacy_sql=false \
    "SELECT project_id, cluster, resource, status, reason, message FROM $DATASET.coverage WHERE status <> 'ok'" ||
    stop "the job has written nothing"
}

schedule() {
  local verb=create
  service_account "$SCHEDULER_ACCOUNT" "Starts gke-inventory"
  once_known gcloud run jobs add-iam-policy-binding "$NAME" --region="$REGION" --project="$PROJECT" \
    --member="serviceAccount:$SCHEDULER_ACCOUNT" --role=roles/run.invoker
  ! exists gcloud scheduler jobs describe "$NAME" --location="$REGION" --project="$PROJECT" || verb=update
  once_known gcloud scheduler jobs $verb http "$NAME" --location="$REGION" --project="$PROJECT" \
    --schedule="$SCHEDULE" --time-zone=Etc/UTC --http-method=POST \
    --uri="https://run.googleapis.com/v2/projects/$PROJECT/locations/$REGION/jobs/$NAME:run" \
    --oauth-service-account-email="$SCHEDULER_ACCOUNT"
}

metrics() {
  local metric verb input
  for metric in "${METRIC_FILES[@]}"; do
    verb=create
    ! exists gcloud logging metrics describe "${METRICS}_$metric" --project="$PROJECT" || verb=update
    input=$(filled "alerts/$metric.yaml")
    once_enabled gcloud logging metrics $verb "${METRICS}_$metric" --config-from-file=- --project="$PROJECT"
  done
}

list_queries() { # prints name, title, ... of the project's scheduled queries as CSV
  run_bq ls --transfer_config --transfer_location="$LOCATION" --filter=dataSourceIds:scheduled_query \
    --max_results=1000 --format=csv
}

# query FILE: creates or updates the scheduled query; `answer` is its id. It runs as the job's account, so that it
# outlives the person who created it, and bq asks nobody for consent
query() {
  local title="$NAME: $1" params name
  # the query as a string of JSON, in one line
  params=$(printf '{"query": "%s"}' "$(filled "alerts/$1.sql" | sed 's/[\\"]/\\&/g' | awk '{printf "%s\\n", $0}')")
  once_enabled list_queries
  name=$(awk -F, -v title="$title" '$2 == title {print $1; exit}' <<< "$answer")
  if [ -n "$name" ]; then
    once_known run_bq update --transfer_config --params="$params" "$name"
  else
    once_known run_bq mk --transfer_config --data_source=scheduled_query --display_name="$title" \
      --schedule="every 6 hours" --service_account_name="$JOB_ACCOUNT" --params="$params"
    name=$answer # Transfer configuration 'projects/.../transferConfigs/ID' successfully created.
  fi
  [[ $name =~ transferConfigs/([A-Za-z0-9-]+) ]] || stop "bq did not name the scheduled query $title: $name"
  answer=${BASH_REMATCH[1]}
}

policy() { # FILE: creates the policy unless it exists, since you may have edited it
  local text title
  text=$(filled "alerts/$1.json")
  title=$(sed -n 's/^  "displayName": "\(.*\)",$/\1/p' <<< "$text")
  once_enabled gcloud alpha monitoring policies list --filter="displayName=\"$title\"" --format="value(name)" \
    --project="$PROJECT"
  if [ -z "$answer" ]; then
    patiently "$DISABLED|cannot find metric" gcloud alpha monitoring policies create --policy="$text" \
      --project="$PROJECT" ${CHANNEL:+--notification-channels="$CHANNEL"}
  elif [ -n "${CHANNEL:-}" ]; then
    once_enabled gcloud alpha monitoring policies update "$answer" --project="$PROJECT" \
      --add-notification-channels="$CHANNEL"
  fi
}

alerts() {
  query unaccepted_gaps
  export UNACCEPTED_GAPS=$answer
  query unread_clusters
  export UNREAD_CLUSTERS=$answer
  policy failed_execution
  policy no_commit
  policy failed_query
}

# ---- Back to nothing

left=

# gone COMMAND...: deletes something; that it does not exist is no error
gone() {
  local text
  if text=$("$@" 2>&1) || grep -qiE "$DISABLED|$UNKNOWN|matched no objects|deleted state" <<< "$text"; then return; fi
  printf '%s\n' "$text" >&2
  say "this failed: $*"
  left=yes
}

# found COMMAND...: `answer` is what the command lists; nothing where its API is off
found() {
  if answer=$("$@" 2> "$work/stderr"); then return; fi
  if ! grep -qiE "$DISABLED" <<< "$(cat "$work/stderr")$answer"; then
    cat "$work/stderr" >&2
    say "this failed: $*"
    left=yes
  fi
  answer=
}

ungrant() { # PROJECT EMAIL ROLE
  gone gcloud projects remove-iam-policy-binding "$1" --member="serviceAccount:$2" --role="$3" --condition=None
}

remove() {
  local name metric project email
  gone gcloud scheduler jobs delete "$NAME" --location="$REGION" --project="$PROJECT" --quiet
  found gcloud alpha monitoring policies list --filter="displayName~\"^$NAME: \"" --format="value(name)" \
    --project="$PROJECT"
  for name in $answer; do
    gone gcloud alpha monitoring policies delete "$name" --quiet --project="$PROJECT"
  done
  found list_queries
  answer=$(awk -F, -v prefix="$NAME: " 'index($2, prefix) == 1 {print $1}' <<< "$answer")
  for name in $answer; do
    gone run_bq rm -f --transfer_config "$name"
  done
  for metric in "${METRIC_FILES[@]}"; do
    gone gcloud logging metrics delete "${METRICS}_$metric" --quiet --project="$PROJECT"
  done
  gone gcloud run jobs delete "$NAME" --region="$REGION" --project="$PROJECT" --quiet
  for project in "${cluster_projects[@]}"; do
    ungrant "$project" "$JOB_ACCOUNT" "projects/$project/roles/$ROLE"
    gone gcloud iam roles delete "$ROLE" --quiet --project="$project"
  done
  ungrant "$PROJECT" "$JOB_ACCOUNT" roles/bigquery.jobUser
  gone run_bq query --use_legacy_sql=false \
    "REVOKE \`roles/bigquery.dataEditor\` ON SCHEMA \`$PROJECT.$DATASET\` FROM 'serviceAccount:$JOB_ACCOUNT'"
  ungrant "$PROJECT" "$BUILD_ACCOUNT" roles/logging.logWriter
  gone gcloud storage rm --recursive "$BUCKET" --project="$PROJECT"
  for email in "$JOB_ACCOUNT" "$SCHEDULER_ACCOUNT" "$BUILD_ACCOUNT"; do
    gone gcloud iam service-accounts delete "$email" --project="$PROJECT" --quiet
  done
  gone gcloud artifacts repositories delete "$NAME" --location="$REGION" --project="$PROJECT" --quiet
  [ -z "$left" ] || stop "not everything was deleted: see above"
  say "only the rows are left. This deletes them: bq --project_id=$PROJECT rm -r -f --dataset $PROJECT:$DATASET"
}

[ $# -gt 0 ] || set -- "${STEPS[@]}"
for step in "$@"; do
  [[ " ${STEPS[*]} remove " == *" $step "* ]] || stop "there is no step $step, only ${STEPS[*]}, and remove"
done
for step in "$@"; do
  printf '== %s\n' "$step" >&2
  "$step"
done
