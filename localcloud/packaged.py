"""A package that functions run from: its bundles unpacked, and a Python with nothing of ours.

AWS's runtime brings its interface client; whatever else a function imports has to be in its
bundle. So the client is all that the environment which runs bundles has.
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

from infra.packaging.failures import CannotPackage
from infra.packaging.interpreter import find_interpreter
from infra.packaging.locking import alone
from infra.packaging.manifest import Manifest
from infra.packaging.targets import native_architecture
from infra.packaging.unpacking import Contents
from localcloud.code import Code

CLIENT = Path("requirements") / "runtime.txt"
CONTENTS = ".contents"
"""Beside the bundles: the files that they share."""

_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Packaged:
    """A template and what its functions run from, ready to be run."""

    stage: str
    architecture: str
    template: dict[str, Any]
    code: Code


def opened(
    package: Path, bundles: Path, runtime: Path, project: Path, *, alone_there: bool = False
) -> Packaged:
    """Return the package in the folder `package`, its bundles unpacked below `bundles`.

    `runtime` is the folder that keeps Python environments; `project` pins what they hold. Nobody
    else's bundles are in a folder that this package is `alone_there`, so former ones go.

    Raises:
        CannotPackage: it is damaged, for another architecture, or there is no Python to run it.
    """
    manifest = Manifest.read(package)
    if manifest.architecture != native_architecture():
        raise CannotPackage(
            f"{package} was made for {manifest.architecture}, and this machine is "
            f"{native_architecture()}. Make one for it: headrace package --stage {manifest.stage} "
            f"--architecture {native_architecture()}."
        )
    written = (package / manifest.template).read_bytes()
    if hashlib.sha256(written).hexdigest() != manifest.template_sha256:
        raise CannotPackage(
            f"{package / manifest.template} is not the template that the manifest names; make the "
            "package anew with `headrace package`."
        )
    folders = _unpacked(package, manifest, bundles)
    if alone_there:
        remove_former(bundles, manifest)
    code = Code(lambda logical_id: folders[logical_id], _environment(runtime, project))
    return Packaged(manifest.stage, manifest.architecture, json.loads(written), code)


def _unpacked(package: Path, manifest: Manifest, bundles: Path) -> dict[str, Path]:
    """Return the folder of each function, by logical id; what is there by its hash stays."""
    folders = _folders(bundles, manifest)
    contents = Contents(bundles / CONTENTS)
    with alone(bundles):
        for each in manifest.functions:
            folder = folders[each.logical_id]
            if not folder.is_dir():
                draft = folder.with_suffix(".draft")
                remove_unpacked(draft)
                contents.unpack(package / each.file, each.sha256, draft)
                draft.rename(folder)
    return folders


def _folders(bundles: Path, manifest: Manifest) -> dict[str, Path]:
    """Return where the bundle of each function is unpacked, by logical id."""
    return {
        each.logical_id: bundles / f"{each.name}-{each.sha256[:16]}" for each in manifest.functions
    }


def remove_former(bundles: Path, manifest: Manifest) -> None:
    """Remove what is unpacked below `bundles` and is of no package but that of `manifest`."""
    contents = Contents(bundles / CONTENTS)
    current = set(_folders(bundles, manifest).values())
    with alone(bundles):
        for former in set(bundles.iterdir()) - current - {contents.folder}:
            if former.is_dir():
                remove_unpacked(former)
        contents.forget_unused()


def remove_unpacked(folder: Path) -> None:
    """Remove a folder in which bundles were unpacked, which cannot be written to; or none."""
    for each in (folder, *folder.rglob("*")):
        if each.is_dir():
            each.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def _environment(runtime: Path, project: Path) -> Path:
    """Return a Python that has the interface client and nothing else, made at first need."""
    pins = (project / CLIENT).read_bytes()
    base = find_interpreter()
    digest = hashlib.sha256(pins + str(base).encode()).hexdigest()[:16]
    folder = runtime / f"lambda-{digest}"
    interpreter = folder / "bin" / "python"
    with alone(runtime):
        if not (folder / "ready").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _uv("venv", "--python", str(base), str(folder))
            options = ["--no-deps", "--compile-bytecode", "--requirement", str(project / CLIENT)]
            _uv("pip", "install", "--python", str(interpreter), *options)
            (folder / "ready").touch()
    return interpreter


def _uv(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "uv", *arguments, "--quiet"],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise CannotPackage(
            f"The Python that runs bundles cannot be made (`make setup` installs uv): {done.stderr}"
        )
