"""The words of the column `reason` that are ours. All others are Kubernetes' or Google's own."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "Rbac": "Neither IAM nor RBAC permits the verb on the resource. The message names the user and both ways to grant "
    "it.",
    "IamPermissionMissing": "Google's frontend or API misses an IAM permission, which the message names.",
    "ApiDisabled": "A Google API is not enabled in the project that the message names. That is the project of the "
    "service account, or the quota project, not always the cluster's.",
    "ExternalTrafficDisabled": "The DNS endpoint refuses traffic from outside its VPC network.",
    "BillingDisabled": "Billing is off for the project that the message names.",
    "VpcServiceControls": "A service perimeter refuses the request.",
    "TokenScopeMissing": "The token lacks the scope `cloud-platform`.",
    "TokenMissing": "The request arrived without its token, which a proxy may have removed.",
    "AccountDisabled": "The service account is disabled or deleted.",
    "QuotaProjectDenied": "The identity may not use the quota project.",
    "QuotaExceeded": "A quota of a Google API is used up.",
    "GoogleFrontend": "Google's frontend answers in place of the API server, without a cause that it names.",
    "Intermediary": "A proxy, load balancer or firewall answers in place of the API server. The message quotes it.",
    "NotServed": "The API server does not serve the kind, which is read only where it is installed, or no kind that "
    "the glob of `objects.include` matches; `ok`, without objects.",
    "StaleGroup": "The API server says that the server of an aggregated API does not answer, so that the kinds of the "
    "group are not known.",
    "OtherVersion": "The API server serves the kind in another version alone than the one that this program reads.",
    "Proxy": "The proxy of the environment refuses the connection.",
    "NoEndpoint": "The cluster has no endpoint of the configured type.",
    "Endpoint": "The endpoint is neither a host name nor an address.",
    "CACertificate": "GKE gives no usable CA certificate for the cluster.",
    "NameResolution": "The endpoint's name cannot be resolved.",
    "NoRoute": "The network has no route to the endpoint, or a local firewall rejects it.",
    "ConnectionRefused": "Nothing listens at the endpoint.",
    "ConnectTimeout": "No connection or TLS handshake within `connect_seconds`: often a firewall that drops packets.",
    "Certificate": "The server's certificate is not valid for the endpoint.",
    "TLS": "The TLS handshake fails.",
    "ConnectionBroken": "The connection breaks before the response is complete.",
    "ReadTimeout": "No response, or not all of it, within `request_seconds`.",
    "KindTimeout": "The list takes longer than `kind_seconds`.",
    "ClusterTimeout": "The cluster takes longer than `cluster_seconds`.",
    "RunTimeout": "The run takes longer than `run_seconds`.",
    "TooLarge": "A page is larger than 96 MiB.",
    "BudgetExceeded": "The cluster has more objects, bytes or rows than one cluster may cost a run. The message says "
    "which; `refused`.",
    "Credentials": "There is no access token: the message says why.",
    "MissingZones": "GKE could not reach some zones.",
    "NotListed": "A list that was read to its end lacks it.",
    "ProjectNotListed": "Cloud Asset Inventory knows the cluster, and the clusters of its project could not be listed.",
    "Bug": "This program failed.",
}
"""Word -> what it means, for the reference."""
