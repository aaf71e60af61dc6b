# Three accounts, each with least privilege.

resource "google_service_account" "job" {
  account_id   = var.name
  display_name = "Reads GKE clusters"

  depends_on = [google_project_service.job]
}

resource "google_service_account" "scheduler" {
  account_id   = "${var.name}-scheduler"
  display_name = "Starts gke-inventory"

  depends_on = [google_project_service.job]
}

resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "Builds gke-inventory"

  depends_on = [google_project_service.job]
}

# The same as ../role.yaml
resource "google_project_iam_custom_role" "reader" {
  for_each = var.cluster_projects

  project     = each.value
  role_id     = replace(var.name, "-", "_")
  title       = "GKE inventory"
  description = "Lists clusters, connects to them, and lists the kinds of objects that the inventory has."
  permissions = [
    "container.clusters.list",                        # the clusters and their endpoints; the versions that a location offers
    "container.clusters.get",                         # support and upgrades of a cluster; one cluster, for kubernetes_client() and `gke-inventory show`
    "container.clusters.connect",                     # through a cluster's DNS endpoint
    "container.namespaces.list",                      # rows of namespaces
    "container.nodes.list",                           # rows of nodes
    "container.services.list",                        # rows of services
    "container.resourceQuotas.list",                  # rows of quotas
    "container.limitRanges.list",                     # rows of limit_ranges
    "container.serviceAccounts.list",                 # rows of service_accounts
    "container.roles.list",                           # rows of roles
    "container.clusterRoles.list",                    # rows of roles
    "container.roleBindings.list",                    # rows of role_bindings
    "container.clusterRoleBindings.list",             # rows of role_bindings
    "container.validatingWebhookConfigurations.list", # rows of admission_webhooks
    "container.mutatingWebhookConfigurations.list",   # rows of admission_webhooks
    "container.customResourceDefinitions.list",       # rows of custom_resource_definitions
    "container.apiServices.list",                     # rows of api_services
    "container.priorityClasses.list",                 # rows of priority_classes
    "container.runtimeClasses.list",                  # rows of runtime_classes
    "container.configMaps.list",                      # rows of config_maps: it asks for metadata alone, though this reads the data too
    "container.ingresses.list",                       # rows of ingresses
    "container.thirdPartyObjects.list",               # rows of gateways, http_routes, vertical_pod_autoscalers, resource_claims
    "container.networkPolicies.list",                 # rows of network_policies
    "container.horizontalPodAutoscalers.list",        # rows of autoscalers
    "container.podDisruptionBudgets.list",            # rows of disruption_budgets
    "container.persistentVolumeClaims.list",          # rows of volume_claims
    "container.persistentVolumes.list",               # rows of volumes
    "container.storageClasses.list",                  # rows of storage_classes
    "container.csiDrivers.list",                      # rows of csi_drivers
    "container.deployments.list",                     # rows of workloads, containers
    "container.statefulSets.list",                    # rows of workloads, containers
    "container.daemonSets.list",                      # rows of workloads, containers
    "container.cronJobs.list",                        # rows of workloads, containers
    "container.jobs.list",                            # rows of workloads, containers
    "container.replicaSets.list",                     # rows of workloads, containers
    "container.pods.list",                            # rows of pods, pod_containers, workloads, containers
  ]

  depends_on = [google_project_service.job, google_project_service.clusters]
}

resource "google_project_iam_member" "reader" {
  for_each = var.cluster_projects

  project = each.value
  role    = google_project_iam_custom_role.reader[each.value].id
  member  = google_service_account.job.member
}

resource "google_project_iam_member" "load_jobs" {
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.job.member
}

resource "google_bigquery_dataset_iam_member" "rows" {
  dataset_id = google_bigquery_dataset.inventory.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.job.member
}

resource "google_cloud_run_v2_job_iam_member" "start" {
  name     = google_cloud_run_v2_job.inventory.name
  location = google_cloud_run_v2_job.inventory.location
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

resource "google_artifact_registry_repository_iam_member" "push" {
  repository = google_artifact_registry_repository.images.name
  location   = google_artifact_registry_repository.images.location
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

resource "google_project_iam_member" "build" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

resource "google_storage_bucket_iam_member" "sources" {
  bucket = google_storage_bucket.sources.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}
