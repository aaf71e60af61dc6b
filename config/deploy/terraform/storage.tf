resource "google_artifact_registry_repository" "images" {
  repository_id = "gke-inventory"
  location      = var.region
  format        = "DOCKER"
}

# The job creates the tables and views.
resource "google_bigquery_dataset" "inventory" {
  dataset_id  = var.dataset
  location    = var.location
  description = "Snapshots of GKE clusters, by gke-inventory. Start with the view `coverage`."
}

resource "google_secret_manager_secret" "configuration" {
  secret_id = "gke-inventory-config"
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "configuration" {
  secret = google_secret_manager_secret.configuration.id
  secret_data = yamlencode(merge({
    projects = sort(var.cluster_projects)
    sink     = "bigquery://${var.project}.${var.dataset}?location=${var.location}"
  }, var.settings))
}
