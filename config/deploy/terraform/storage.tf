resource "google_artifact_registry_repository" "images" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"

  depends_on = [google_project_service.job]
}

# The sources that `gcloud builds submit` uploads. The build's account reads no other bucket.
resource "google_storage_bucket" "sources" {
  name                        = "${var.project}-${var.name}-build"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # every commit has its own in the repository

  depends_on = [google_project_service.job]
}

# The job creates the tables and views.
resource "google_bigquery_dataset" "inventory" {
  dataset_id            = var.dataset
  location              = var.location
  description           = "Snapshots of GKE clusters, by gke-inventory. Start with the view `coverage`."
  storage_billing_model = "PHYSICAL" # rows compress well: config/reference/costs.md

  depends_on = [google_project_service.job]
}
