# The APIs. They stay enabled after `terraform destroy`: others may use them.

resource "google_project_service" "job" {
  for_each = toset([
    "artifactregistry", "bigquery", "bigquerydatatransfer", "cloudbuild", "cloudresourcemanager", "cloudscheduler",
    "compute", "container", "iam", "logging", "monitoring", "run", "storage",
  ])

  service            = "${each.value}.googleapis.com"
  disable_on_destroy = false
}

# Custom roles
resource "google_project_service" "clusters" {
  for_each = setsubtract(var.cluster_projects, [var.project])

  project            = each.value
  service            = "iam.googleapis.com"
  disable_on_destroy = false
}
