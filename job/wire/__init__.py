"""JSON that several kinds share, as msgspec structs with only the fields that become columns or decide one.

Decoding skips all other fields, so Secret data, env values, commands and arguments never become Python objects. Fields
that a server may omit or send as `null` are typed `| None`. Names are those of the API reference
(https://kubernetes.io/docs/reference/kubernetes-api/) in snake case; a test compares them with the published schemas.
"""
