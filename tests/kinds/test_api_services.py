"""API services: the server that answers for a version."""

from __future__ import annotations

from kinds.objects import rows


def test_a_service_elsewhere_is_not_local_and_its_bundle_is_not_kept() -> None:
    service = {"namespace": "kube-system", "name": "metrics-server"}
    spec = {"group": "metrics.k8s.io", "version": "v1", "service": service, "caBundle": "Q0FOQVJZ"}
    condition = {"type": "Available", "status": "Unknown", "reason": "FailedDiscoveryCheck", "message": "x"}
    (row,) = rows("apiservices", spec=spec, status={"conditions": [condition]})["api_services"]
    assert row == {
        "name": "w", "uid": "u", "api_group": "metrics.k8s.io", "version": "v1", "local": False,
        "service_namespace": "kube-system", "service_name": "metrics-server", "insecure_skip_tls_verify": False,
        "ca_bundle_present": True, "available_reason": "FailedDiscoveryCheck",
    }  # fmt: skip
