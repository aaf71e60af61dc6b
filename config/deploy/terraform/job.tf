# The same as ../job.yaml, which explains the numbers.
resource "google_cloud_run_v2_job" "inventory" {
  name                = var.name
  location            = var.region
  deletion_protection = false # it contains no data

  template {
    task_count  = var.task_count
    parallelism = var.task_count

    template {
      service_account = google_service_account.job.email
      max_retries     = 1
      timeout         = "3600s"

      containers {
        name  = "gke-inventory"
        image = var.image
        args  = ["run"]

        env {
          name  = "GKE_INVENTORY_PROJECTS"
          value = join(",", sort(var.cluster_projects))
        }
        env {
          name  = "GKE_INVENTORY_SINK"
          value = "bigquery://${var.project}.${var.dataset}?location=${var.location}"
        }
        env {
          name  = "TMPDIR"
          value = "/spool"
        }
        dynamic "env" {
          for_each = var.settings
          content {
            name  = env.key
            value = env.value
          }
        }

        resources {
          limits = {
            cpu    = "2"
            memory = "2Gi"
          }
        }

        volume_mounts {
          name       = "spool"
          mount_path = "/spool"
        }
      }

      volumes {
        name = "spool"
        empty_dir {
          medium     = "MEMORY"
          size_limit = "1Gi"
        }
      }

      dynamic "vpc_access" {
        for_each = var.vpc == null ? [] : [var.vpc]
        content {
          egress = vpc_access.value.egress
          network_interfaces {
            network    = vpc_access.value.network
            subnetwork = vpc_access.value.subnetwork
          }
        }
      }
    }
  }

  # without these, the first execution may start before it has permission to write rows
  depends_on = [
    google_bigquery_dataset_iam_member.rows,
    google_project_iam_member.load_jobs,
    google_project_iam_member.reader,
  ]
}

resource "google_cloud_scheduler_job" "inventory" {
  name      = var.name
  region    = var.region
  schedule  = var.schedule
  time_zone = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project}/locations/${var.region}/jobs/${google_cloud_run_v2_job.inventory.name}:run"

    oauth_token {
      service_account_email = google_service_account.scheduler.email
    }
  }
}
