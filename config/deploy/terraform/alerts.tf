# The metrics, policies and scheduled queries of ../alerts. README.md explains them.

locals {
  names = {
    NAME    = var.name
    METRICS = replace(var.name, "-", "_")
    PROJECT = var.project
    DATASET = var.dataset
    # known only when the queries exist
    UNACCEPTED_GAPS = "UNACCEPTED_GAPS"
    UNREAD_CLUSTERS = "UNREAD_CLUSTERS"
  }
  silence = jsondecode(templatefile("${path.module}/../alerts/no_commit.json", local.names))
}

resource "google_logging_metric" "log" {
  for_each = {
    for name in ["cluster_seconds", "committed_tasks", "run_seconds"] :
    name => yamldecode(templatefile("${path.module}/../alerts/${name}.yaml", local.names))
  }

  name             = "${local.names.METRICS}_${each.key}"
  description      = each.value.description
  filter           = each.value.filter
  value_extractor  = try(each.value.valueExtractor, null)
  label_extractors = each.value.labelExtractors

  metric_descriptor {
    metric_kind = each.value.metricDescriptor.metricKind
    value_type  = each.value.metricDescriptor.valueType
    unit        = each.value.metricDescriptor.unit

    dynamic "labels" {
      for_each = each.value.metricDescriptor.labels
      content {
        key         = labels.value.key
        value_type  = labels.value.valueType
        description = labels.value.description
      }
    }
  }

  dynamic "bucket_options" {
    for_each = try([each.value.bucketOptions.exponentialBuckets], [])
    content {
      exponential_buckets {
        num_finite_buckets = bucket_options.value.numFiniteBuckets
        growth_factor      = bucket_options.value.growthFactor
        scale              = bucket_options.value.scale
      }
    }
  }

  depends_on = [google_project_service.job]
}

# It runs as the job's account, so that it outlives the person who created it.
resource "google_bigquery_data_transfer_config" "query" {
  for_each = toset(["unaccepted_gaps", "unread_clusters"])

  display_name         = "${var.name}: ${each.value}"
  location             = var.location
  data_source_id       = "scheduled_query"
  schedule             = "every 6 hours"
  service_account_name = google_service_account.job.email
  params               = { query = templatefile("${path.module}/../alerts/${each.value}.sql", local.names) }

  depends_on = [
    google_bigquery_dataset_iam_member.rows,
    google_project_iam_member.load_jobs,
  ]
}

resource "google_monitoring_alert_policy" "failure" {
  for_each = {
    for name in ["failed_execution", "failed_query"] :
    name => jsondecode(templatefile("${path.module}/../alerts/${name}.json", local.names))
  }

  display_name          = each.value.displayName
  combiner              = each.value.combiner
  severity              = each.value.severity
  notification_channels = var.notification_channels
  user_labels           = var.labels

  documentation {
    mime_type = each.value.documentation.mimeType
    content   = each.value.documentation.content
  }

  conditions {
    display_name = each.value.conditions[0].displayName

    condition_threshold {
      filter = replace(
        replace(
          each.value.conditions[0].conditionThreshold.filter,
          "UNACCEPTED_GAPS", basename(google_bigquery_data_transfer_config.query["unaccepted_gaps"].name)
        ),
        "UNREAD_CLUSTERS", basename(google_bigquery_data_transfer_config.query["unread_clusters"].name)
      )
      comparison      = each.value.conditions[0].conditionThreshold.comparison
      threshold_value = each.value.conditions[0].conditionThreshold.thresholdValue
      duration        = each.value.conditions[0].conditionThreshold.duration

      aggregations {
        alignment_period     = each.value.conditions[0].conditionThreshold.aggregations[0].alignmentPeriod
        per_series_aligner   = each.value.conditions[0].conditionThreshold.aggregations[0].perSeriesAligner
        cross_series_reducer = each.value.conditions[0].conditionThreshold.aggregations[0].crossSeriesReducer
      }

      trigger {
        count = each.value.conditions[0].conditionThreshold.trigger.count
      }
    }
  }

  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose
  }
}

resource "google_monitoring_alert_policy" "silence" {
  display_name          = local.silence.displayName
  combiner              = local.silence.combiner
  severity              = local.silence.severity
  notification_channels = var.notification_channels
  user_labels           = var.labels

  documentation {
    mime_type = local.silence.documentation.mimeType
    content   = local.silence.documentation.content
  }

  conditions {
    display_name = local.silence.conditions[0].displayName

    condition_prometheus_query_language {
      query                     = local.silence.conditions[0].conditionPrometheusQueryLanguage.query
      duration                  = local.silence.conditions[0].conditionPrometheusQueryLanguage.duration
      evaluation_interval       = local.silence.conditions[0].conditionPrometheusQueryLanguage.evaluationInterval
      disable_metric_validation = local.silence.conditions[0].conditionPrometheusQueryLanguage.disableMetricValidation
    }
  }

  alert_strategy {
    auto_close = local.silence.alertStrategy.autoClose
  }

  depends_on = [google_logging_metric.log]
}
