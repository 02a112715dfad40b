"""The package that tests run: made once for all workers, and again only when its input changes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from infra.packaging.cache import exclusive_folder
from infra.packaging.manifest import FILE, Manifest
from infra.packaging.targets import PackagingError, find_interpreter, native_architecture
from localcloud.deployment_package import remove_other_bundles, remove_unpacked
from tests.cloud import PROJECT
from tests.fingerprints import files_of, fingerprint

FOLDER = PROJECT / "build" / "e2e"
MADE_OF = (
    *("app.py", ".chalice", "chalicelib", "functions", "infra", "models", "requirements"),
    "statemachines",
)
NOT_MADE_OF = {"__pycache__", "cache", "costs", "deploying"}
"""Folders in those that no package is made of."""


def has_interpreter() -> bool:
    """Tell whether bundles can be made and run here."""
    try:
        find_interpreter()
    except PackagingError:
        return False
    return True


def _use(folder: Path) -> None:
    """Mark `folder` as used until this process ends."""
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / ".used", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def _is_used(folder: Path) -> bool:
    """Say whether a process has marked `folder`."""
    descriptor = os.open(folder / ".used", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def packaged(models_dir: Path) -> Path:
    """Return a folder with `build_package`, for this machine, made now if it is not there.

    It stays for as long as this process lives. Others, made of what has changed since, go if no
    process uses them; what local clouds unpacked in `bundles` of one of them is taken over.
    """
    # A second's work, which most runs can spare.
    from infra.packaging.package import PackageRequest, build_package

    with exclusive_folder(FOLDER):
        folder = FOLDER / fingerprint(str(find_interpreter()), files_of(MADE_OF, NOT_MADE_OF))
        _use(folder)
        if not (folder / "package" / FILE).is_file():
            architecture = native_architecture()
            request = PackageRequest(
                PROJECT, "local", architecture=architecture, models_dir=models_dir
            )
            made = build_package(request, folder / "package")
            for other in FOLDER.iterdir():
                if other.is_dir() and not _is_used(other):
                    _take_over(other / "bundles", folder / "bundles", made.manifest)
                    remove_unpacked(other)
        return folder


def _take_over(former: Path, bundles: Path, manifest: Manifest) -> None:
    """Move unpacked bundles to where there are none yet, less those that are of no use there."""
    if former.is_dir() and not bundles.exists():
        former.rename(bundles)
        remove_other_bundles(bundles, manifest)
