variable "project" {
  type        = string
  description = "The project of the job and the tables."
}

variable "region" {
  type        = string
  description = "The region that the job runs in."
}

variable "location" {
  type        = string
  description = "Where the tables are: https://cloud.google.com/bigquery/docs/locations"
}

variable "dataset" {
  type        = string
  default     = "gke_inventory"
  description = "The dataset of the tables."
}

variable "cluster_projects" {
  type        = set(string)
  description = "The projects whose clusters are read."
}

variable "image" {
  type        = string
  description = "The job's image, by digest or by the tag of its build: REGION-docker.pkg.dev/PROJECT/gke-inventory/gke-inventory:BUILD"
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "More settings, as environment variables: { GKE_INVENTORY_WORKERS = \"8\" }. See config/reference/configuration.md."
}

variable "schedule" {
  type        = string
  default     = "17 */6 * * *"
  description = "When the job runs, in UTC: https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules"
}

variable "task_count" {
  type        = number
  default     = 1
  description = "How many tasks share the clusters."
}

variable "vpc" {
  type = object({
    network    = string
    subnetwork = string
    egress     = optional(string, "PRIVATE_RANGES_ONLY")
  })
  default     = null
  description = "The network to reach clusters that only their VPC can reach; null for none."
}
