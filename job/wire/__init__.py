"""The Kubernetes and GKE JSON that is read, as msgspec structs: only the fields that become columns or decide one.

Unknown fields are skipped while decoding, so Secret data, env values, commands and arguments never become Python
objects. Whatever a server may leave out or send as `null` is typed `| None`. Field names are those of the API
reference (https://kubernetes.io/docs/reference/kubernetes-api/), in snake case.
"""
