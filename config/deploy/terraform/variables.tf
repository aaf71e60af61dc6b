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

variable "name" {
  type        = string
  default     = "gke-inventory"
  description = "The job, and the beginning of all other names: another one for a second job in the project."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,18}[a-z0-9]$", var.name))
    error_message = "Use 6 to 20 lower-case letters, digits and hyphens, since accounts are named after it."
  }
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
  description = "The job's image, by digest or by the tag of its build: REGION-docker.pkg.dev/PROJECT/NAME/gke-inventory:BUILD"
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "More settings, as environment variables: { GKE_INVENTORY_WORKERS = \"8\" }. See config/reference/configuration.md."
}

variable "labels" {
  type        = map(string)
  default     = {}
  description = "Labels of everything that can have some, for costs and ownership."
}

variable "notification_channels" {
  type        = list(string)
  default     = []
  description = "Who hears of alerts: projects/PROJECT/notificationChannels/ID"
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
  description = "The network to reach clusters that only their VPC can reach, by full names if it is shared; null for none."
}
