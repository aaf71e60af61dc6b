"""Image references, by the grammar of container runtimes."""

import pytest

from job.kinds.parts.images import Image, digest_of, parse_image

SHA = "sha256:" + "3b1c0f6e9c1d7a4f" * 4


@pytest.mark.parametrize(
    ("reference", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", None, None),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27", None),
        ("envoyproxy/envoy", "docker.io", "envoyproxy/envoy", None, None),
        ("docker.io/nginx", "docker.io", "library/nginx", None, None),
        ("index.docker.io/a/b:1", "docker.io", "a/b", "1", None),
        ("localhost/app", "localhost", "app", None, None),
        ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1", None),
        (f"registry.example.com:5000/team/migrate@{SHA}", "registry.example.com:5000", "team/migrate", None, SHA),
        (f"gcr.io/p/web:v1@{SHA}", "gcr.io", "p/web", "v1", SHA),
        ("europe-docker.pkg.dev/p/shop/web:v1.2.3", "europe-docker.pkg.dev", "p/shop/web", "v1.2.3", None),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io", "pause", "3.10", None),
        ("Registry/a/b_c__d--e.f:1", "Registry", "a/b_c__d--e.f", "1", None),
        ("[fd00::1]:5000/a:1", "[fd00::1]:5000", "a", "1", None),
    ],
)
def test_references_are_split_as_runtimes_split_them(
    reference: str, registry: str, repository: str, tag: str | None, digest: str | None
) -> None:
    assert parse_image(reference) == Image(registry, repository, tag, digest)


@pytest.mark.parametrize(
    "reference",
    [
        None,
        "",
        ":1",
        "a:",
        "a@sha256:short",
        "a:ta g",
        "a/",
        "@" + SHA,
        "Shop",
        "a/Shop",
        "a b",
        "a//b",
        "a_.b",
        "-a",
        "x_y.com/a",
        "https://a/b",
    ],
)
def test_text_that_is_not_a_reference_has_no_parts(reference: str | None) -> None:
    assert parse_image(reference) == Image()


@pytest.mark.parametrize(
    ("image_id", "digest"),
    [
        (f"docker-pullable://gcr.io/p/web@{SHA}", SHA),
        (f"registry.example.com/a@{SHA}", SHA),
        (SHA, SHA),
        ("", None),
        (None, None),
        ("docker://no-digest", None),
    ],
)
def test_digest_of_an_image_id(image_id: str | None, digest: str | None) -> None:
    assert digest_of(image_id) == digest
