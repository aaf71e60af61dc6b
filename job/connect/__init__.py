"""From a cluster and Application Default Credentials to a Kubernetes client."""
