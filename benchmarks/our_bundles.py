"""Our unpacked bundles: the package for this machine, built once per process."""

from __future__ import annotations

import functools
from pathlib import Path

from benchmarks.naive_bundle import PROJECT
from infra.packaging.archive import UnpackedBundles
from infra.packaging.bundles import bundle_name
from infra.packaging.manifest import Manifest
from infra.packaging.package import PackageRequest, build_package
from infra.packaging.targets import native_architecture
from localcloud.deployment_package import SHARED_CONTENTS, remove_unpacked

FOLDER = PROJECT / "build" / "bench" / "package"


@functools.cache
def packaged() -> Manifest:
    """Build the package and return its manifest."""
    models = PROJECT / "models" / "cache"
    order = PackageRequest(PROJECT, "local", architecture=native_architecture(), models_dir=models)
    return build_package(order, FOLDER).manifest


def build(handler: str, folder: Path) -> Path:
    """Unpack the bundle of the function `handler` as `folder`, and return it."""
    name = bundle_name(handler)
    bundle = next(each for each in packaged().functions if each.name == name)
    if folder.exists():
        remove_unpacked(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    UnpackedBundles(folder.parent / SHARED_CONTENTS).unpack(
        FOLDER / bundle.file, bundle.sha256, folder
    )
    return folder
