"""Service accounts: the Google account is a column, whatever annotations are kept."""

from __future__ import annotations

from kinds.objects import rows


def test_the_google_account_is_read_though_no_annotation_is_kept() -> None:
    annotations = {"iam.gke.io/gcp-service-account": "a@p.iam.gserviceaccount.com", "other": "x"}
    (row,) = rows("serviceaccounts", metadata={"annotations": annotations})["service_accounts"]
    assert row == {
        "namespace": "n", "name": "w", "uid": "u", "google_service_account": "a@p.iam.gserviceaccount.com",
    }  # fmt: skip


def test_an_empty_annotation_and_a_secret_without_a_name_are_nothing() -> None:
    pulls = [{"name": "registry"}, {"name": ""}, {}]
    annotations = {"iam.gke.io/gcp-service-account": ""}
    (row,) = rows("serviceaccounts", metadata={"annotations": annotations}, imagePullSecrets=pulls)["service_accounts"]
    assert row == {"namespace": "n", "name": "w", "uid": "u", "image_pull_secrets": ["registry"]}
