output "job_account" {
  value       = google_service_account.job.email
  description = "JOB_ACCOUNT, for ../clusterrole.yaml."
}

output "run" {
  value       = "gcloud run jobs execute ${google_cloud_run_v2_job.inventory.name} --wait --region=${var.region} --project=${var.project}"
  description = "Takes a snapshot now."
}
