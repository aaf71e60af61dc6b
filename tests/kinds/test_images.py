"""Image references, by the grammar of container runtimes."""

import pytest

from job.kinds.parts.images import Image, RunningImage, parse_image, running_image

SHA = "sha256:" + "3b1c0f6e9c1d7a4f" * 4
SHA384, SHA512 = "sha384:" + "0a" * 48, "sha512:" + "0a" * 64
HEX = "3b1c0f6e9c1d7a4f" * 4


@pytest.mark.parametrize(
    ("reference", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", None, None),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27", None),
        ("envoyproxy/envoy", "docker.io", "envoyproxy/envoy", None, None),
        ("docker.io/nginx", "docker.io", "library/nginx", None, None),
        ("index.docker.io/a/b:1", "docker.io", "a/b", "1", None),
        ("index.docker.io/a", "docker.io", "library/a", None, None),
        ("localhost/app", "localhost", "app", None, None),
        ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1", None),
        (f"registry.example.com:5000/team/migrate@{SHA}", "registry.example.com:5000", "team/migrate", None, SHA),
        (f"gcr.io/p/web:v1@{SHA}", "gcr.io", "p/web", "v1", SHA),
        (f"gcr.io/p/web@{SHA384}", "gcr.io", "p/web", None, SHA384),
        (f"gcr.io/p/web@{SHA512}", "gcr.io", "p/web", None, SHA512),
        (f"nginx@{SHA}", "docker.io", "library/nginx", None, SHA),
        ("europe-docker.pkg.dev/p/shop/web:v1.2.3", "europe-docker.pkg.dev", "p/shop/web", "v1.2.3", None),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io", "pause", "3.10", None),
        ("Registry/a/b_c__d--e.f:1", "Registry", "a/b_c__d--e.f", "1", None),
        ("test_com/foo", "docker.io", "test_com/foo", None, None),
        ("[fd00::1]:5000/a:1", "[fd00::1]:5000", "a", "1", None),
        ("192.168.0.1:80", "docker.io", "library/192.168.0.1", "80", None),
        ("192.168.0.1:8/debian", "192.168.0.1:8", "debian", None, None),
        ("a:_T.-" + "x" * 124, "docker.io", "library/a", "_T.-" + "x" * 124, None),
        (f"docker.io/{HEX}", "docker.io", f"library/{HEX}", None, None),
        (HEX[:-1], "docker.io", f"library/{HEX[:-1]}", None, None),
        ("gcr.io/" + "a" * 255, "gcr.io", "a" * 255, None, None),
        (SHA, "docker.io", "library/sha256", HEX, None),
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
        "a@",
        "a:ta g",
        "a:-1",
        "a:" + "x" * 129,
        "a:é",
        "a/",
        "@" + SHA,
        HEX,
        "Shop",
        "a/Shop",
        "a b",
        "a//b",
        "a_.b",
        "a..b",
        "-a",
        "a-/b",
        "x_y.com/a",
        "https://a/b",
        "[fd00::1]",
        "[fe80::1%eth0]:5000/debian",
        "fc00::1:5000/debian",
        "a\n",
        "gcr.io/" + "a" * 256,
        "a" * 255,  # with Docker Hub's library/ it is too long
        "a@sha256:short",
        "nginx@sha256:48d8d6b4ddfdb8f56d6ebdc797c3721dc39672",
        "a.example.com/c:d@md5:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        f"a@{SHA}0",
        f"a@{SHA[:-1]}",
        f"a@{SHA.upper()}",
        f"a@sha256:{HEX.upper()}",
        f"a@{SHA512[:-1]}",
        f"a@sha512:{HEX}",
        f"a@sha256+b64:{HEX}",
        f"a@blake3:{HEX}",
        f"a@{SHA}@{SHA}",
        f"a@{SHA}:1",
    ],
)
def test_text_that_is_not_a_reference_has_no_parts(reference: str | None) -> None:
    assert parse_image(reference) == Image()


@pytest.mark.parametrize(
    ("image_id", "expected"),
    [
        (f"docker-pullable://gcr.io/p/web@{SHA}", RunningImage(digest=SHA)),
        (f"registry.example.com/a@{SHA}", RunningImage(digest=SHA)),
        (f"docker.io/library/a:1@{SHA512}", RunningImage(digest=SHA512)),
        (SHA, RunningImage(id=SHA)),
        (f"docker://{SHA}", RunningImage(id=SHA)),
        ("", RunningImage()),
        (None, RunningImage()),
        ("docker://no-digest", RunningImage()),
        (f"gcr.io/p/web@{SHA[:-1]}", RunningImage()),
        ("sha256:short", RunningImage()),
        (HEX, RunningImage()),
    ],
)
def test_only_a_manifests_digest_is_a_digest(image_id: str | None, expected: RunningImage) -> None:
    assert running_image(image_id) == expected
