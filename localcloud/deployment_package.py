"""Deployment packages: bundles unpacked to run functions from, and the Python that runs them.

AWS's runtime provides its interface client; whatever else a function imports must be in its
bundle. So the environment in which bundles run has the client and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.packaging.archive import UnpackedBundles
from infra.packaging.cache import exclusive_folder
from infra.packaging.manifest import Manifest
from infra.packaging.targets import PackagingError, find_interpreter, native_architecture
from localcloud.lambdas.spec import FunctionCode

RUNTIME_CLIENT = Path("requirements") / "runtime.txt"
SHARED_CONTENTS = ".contents"
"""The folder beside the bundles with the files that they share."""

_UV_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class DeploymentPackage:
    """A template and the code that its functions run from."""

    stage: str
    architecture: str
    template: dict[str, Any]
    code: FunctionCode


def open_package(
    package: Path, bundles: Path, runtime: Path, project: Path, *, remove_others: bool = False
) -> DeploymentPackage:
    """Unpack the bundles of a package and return what runs from them.

    Args:
        package: The folder of the package.
        bundles: The folder below which bundles are unpacked.
        runtime: The folder that keeps Python environments.
        project: The project, which pins what such an environment holds.
        remove_others: Remove bundles of other packages from `bundles`.

    Raises:
        CannotPackage: It is damaged or for another architecture, or no Python can run it.
    """
    manifest = Manifest.read(package)
    if manifest.architecture != native_architecture():
        raise PackagingError(
            f"{package} was made for {manifest.architecture}, and this machine is "
            f"{native_architecture()}. Make one for it: headrace package --stage {manifest.stage} "
            f"--architecture {native_architecture()}."
        )
    template = (package / manifest.template).read_bytes()
    if hashlib.sha256(template).hexdigest() != manifest.template_sha256:
        raise PackagingError(
            f"{package / manifest.template} is not the template that the manifest names; make the "
            "package anew with `headrace package`."
        )
    folders = _unpack_bundles(package, manifest, bundles)
    if remove_others:
        remove_other_bundles(bundles, manifest)
    code = FunctionCode(
        lambda logical_id: folders[logical_id], _runtime_interpreter(runtime, project)
    )
    return DeploymentPackage(manifest.stage, manifest.architecture, json.loads(template), code)


def _unpack_bundles(package: Path, manifest: Manifest, bundles: Path) -> dict[str, Path]:
    """Return the folder of each function by logical id; keep what is unpacked already."""
    folders = _bundle_folders(bundles, manifest)
    contents = UnpackedBundles(bundles / SHARED_CONTENTS)
    with exclusive_folder(bundles):
        for function in manifest.functions:
            folder = folders[function.logical_id]
            if not folder.is_dir():
                draft = folder.with_suffix(".draft")
                remove_unpacked(draft)
                contents.unpack(package / function.file, function.sha256, draft)
                draft.rename(folder)
    return folders


def _bundle_folders(bundles: Path, manifest: Manifest) -> dict[str, Path]:
    """Return the folder of each function's bundle by logical id."""
    return {
        function.logical_id: bundles / f"{function.name}-{function.sha256[:16]}"
        for function in manifest.functions
    }


def remove_other_bundles(bundles: Path, manifest: Manifest) -> None:
    """Remove the bundles below `bundles` that are of no function of `manifest`."""
    contents = UnpackedBundles(bundles / SHARED_CONTENTS)
    current = set(_bundle_folders(bundles, manifest).values())
    with exclusive_folder(bundles):
        for other in set(bundles.iterdir()) - current - {contents.folder}:
            if other.is_dir():
                remove_unpacked(other)
        contents.forget_unused()


def remove_unpacked(folder: Path) -> None:
    """Remove a folder of unpacked bundles, which are read-only, if it exists."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def _runtime_interpreter(runtime: Path, project: Path) -> Path:
    """Return a Python with the interface client and nothing else; create it if needed."""
    pins = (project / RUNTIME_CLIENT).read_bytes()
    base = find_interpreter()
    digest = hashlib.sha256(pins + str(base).encode()).hexdigest()[:16]
    folder = runtime / f"lambda-{digest}"
    interpreter = folder / "bin" / "python"
    with exclusive_folder(runtime):
        if not (folder / "ready").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _uv("venv", "--python", str(base), str(folder))
            options = ["--no-deps", "--compile-bytecode", "--requirement"]
            client = str(project / RUNTIME_CLIENT)
            _uv("pip", "install", "--python", str(interpreter), *options, client)
            (folder / "ready").touch()
    return interpreter


def _uv(*arguments: str) -> None:
    completed = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "uv", *arguments, "--quiet"],
        capture_output=True,
        text=True,
        timeout=_UV_TIMEOUT_S,
        check=False,
    )
    if completed.returncode:
        raise PackagingError(
            "The Python that runs bundles cannot be made (`make setup` installs uv): "
            f"{completed.stderr}"
        )
