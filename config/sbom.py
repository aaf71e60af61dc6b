"""Prints the bill of materials of the job's image as CycloneDX JSON: the packages pinned in config/requirements.txt.

    .venv/bin/python config/sbom.py > sbom.json

Versions and hashes come from the lock file, licences from the metadata of the installed packages. A package that the
job needs is `required`; one that only builds it, and is not in the image, is `excluded`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pip_requirements_parser import InstallRequirement, RequirementsFile

LOCK = Path(__file__).parent / "requirements.txt"

# the environment of the image, wherever this runs
_IMAGE = {
    **default_environment(),
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.0",
    "python_version": "3.11",
    "sys_platform": "linux",
}

# Names that packages use for licences -> their SPDX identifiers: https://spdx.org/licenses/
_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def pinned() -> dict[str, InstallRequirement]:
    """Name -> the pin that applies to the image."""
    found = {}
    for pin in RequirementsFile.from_file(str(LOCK)).requirements:
        if pin.req is not None and (pin.marker is None or pin.marker.evaluate(dict(_IMAGE))):
            found[canonicalize_name(pin.name)] = pin
    return found


def needed(name: str, extras: frozenset[str] = frozenset(), *, seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """The packages that a package needs in the image, directly or indirectly."""
    for text in requires(name) or ():
        requirement = Requirement(text)
        found = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        applies = requirement.marker is None or any(
            requirement.marker.evaluate({**_IMAGE, "extra": extra}) for extra in (extras or {""})
        )
        if applies and found not in seen:
            seen.add(found)
            yield found[0]
            yield from needed(*found, seen=seen)


def licence(name: str) -> License | None:
    """The installed package's licence: its SPDX identifier if it has or means one, else its own words."""
    try:
        fields = metadata(name)
    except PackageNotFoundError:
        return None
    prefix = "License :: OSI Approved :: "
    classified = [text.removeprefix(prefix) for text in fields.get_all("Classifier", []) if text.startswith(prefix)]
    given = fields.get("License", "").strip()
    words = fields.get("License-Expression") or (given if given and "\n" not in given else " OR ".join(classified))
    return LicenseFactory().make_from_string(_SPDX.get(words, words)) if words else None


def bill() -> Bom:
    """The bill of materials."""
    product = version("gke-inventory")
    root = Component(
        name="gke-inventory",
        version=product,
        type=ComponentType.APPLICATION,
        bom_ref="gke-inventory",
        purl=PackageURL("pypi", name="gke-inventory", version=product),
        licenses=[found] if (found := licence("gke-inventory")) else [],
    )
    bom = Bom()
    bom.metadata.component = root
    pins = pinned()
    in_image = set(needed("gke-inventory", seen=set()))
    components = {}
    for name, pin in sorted(pins.items()):
        (release,) = (specifier.version for specifier in pin.specifier)
        components[name] = Component(
            name=name,
            version=release,
            type=ComponentType.LIBRARY,
            scope=ComponentScope.REQUIRED if name in in_image else ComponentScope.EXCLUDED,
            bom_ref=f"{name}=={release}",
            purl=PackageURL("pypi", name=name, version=release),
            hashes=[
                HashType(alg=HashAlgorithm.SHA_256, content=digest.partition(":")[2])
                for digest in sorted(option.removeprefix("--hash=") for option in pin.hash_options)
            ],
            licenses=[found] if (found := licence(name)) else [],
        )
    bom.components.update(components.values())
    bom.register_dependency(root, [components[name] for name in sorted(in_image)])
    return bom


if __name__ == "__main__":
    sys.stdout.write(JsonV1Dot6(bill()).output_as_string(indent=2) + "\n")
