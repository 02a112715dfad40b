"""Creation of a package: every bundle, then the template that names them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.generation.catalogue import parse_catalogue
from infra.packaging import archive, template
from infra.packaging.archive import DeflateCache
from infra.packaging.bundles import CATALOGUE, BundleAssembly, bundle_name
from infra.packaging.bytecode import Compiler
from infra.packaging.cache import PackagingCaches, exclusive_folder
from infra.packaging.manifest import (
    TEMPLATE,
    BundleSize,
    Manifest,
    PackagedFunction,
    is_package,
    unzipped_size,
)
from infra.packaging.models import SECOND_EMBEDDER, pull_carried
from infra.packaging.targets import (
    PackagingError,
    find_interpreter,
    find_target,
    require_stage_name,
)
from infra.packaging.third_party import InstalledPackages
from infra.synthesis.snapstart import SnapStartError, SnapStartPrice, snap_start, snap_start_prices

FUNCTIONS = "functions"
SAM_TEMPLATE = "sam.json"
KEPT = Path("build") / "packages"
"""Where installed packages, bytecode and compressed files are kept for the next packaging."""
CHALICE_REQUIREMENTS = "requirements.txt"

Report = Callable[[str], None]


def silent(_: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """The stage of `project` to package in a region, for one architecture.

    `models_dir` is where `headrace models pull` puts models. `second_embedder` is the embedding
    model beside the default one that tenants can be moved to. The functions in `snap_start`, by
    their logical ids, start from snapshots.
    """

    project: Path
    stage: str
    region: str = "us-east-1"
    architecture: str = "arm64"
    models_dir: Path = field(kw_only=True)
    second_embedder: str = field(default=SECOND_EMBEDDER, kw_only=True)
    snap_start: tuple[str, ...] = field(default=(), kw_only=True)
    report: Report = field(default=silent, kw_only=True)


@dataclass(frozen=True, slots=True)
class BuiltPackage:
    """A finished package: its bundles' sizes, and the costs of its snapshots."""

    folder: Path
    manifest: Manifest
    sizes: tuple[BundleSize, ...]
    snapshots: tuple[SnapStartPrice, ...] = ()


@dataclass(frozen=True, slots=True)
class _PackedBundle:
    size: BundleSize
    sha256: str

    @property
    def key(self) -> str:
        return f"{FUNCTIONS}/{self.size.name}-{self.sha256}.zip"


def build_package(order: PackageRequest, out: Path) -> BuiltPackage:
    """Build the package as the folder `out`, which is replaced whole.

    Models that bundles carry are pulled first, if they are not there.

    Raises:
        PackagingError: with what to do about it; `out` is then unchanged.
    """
    require_stage_name(order.stage)
    _require_replaceable(out)
    wanted = find_target(order.architecture)
    interpreter = find_interpreter()
    out.parent.mkdir(parents=True, exist_ok=True)
    write_chalice_requirements(order.project)
    known = parse_catalogue((order.project / CATALOGUE).read_text(encoding="utf-8"))
    order.report("models")
    pull_carried(order.models_dir, known, order.second_embedder)
    order.report("template")
    merged = template.merged(order.project, order.stage, order.region)
    handlers = template.handlers(merged)
    snapshots = _snapshots(order, merged)
    kept = order.project / KEPT
    caches = PackagingCaches.of(kept, order.architecture)
    deflated = DeflateCache(caches.deflated)
    with (
        exclusive_folder(kept),
        tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary,
    ):
        work = Path(temporary)
        compiler = Compiler(interpreter, caches.compiled)
        installed = InstalledPackages(caches.installed, wanted, compiler)
        draft = work / "package"
        (draft / FUNCTIONS).mkdir(parents=True)
        place = BundleAssembly(
            order.project,
            order.models_dir,
            known,
            installed,
            work / "content",
            order.second_embedder,
        )
        bundles = sorted({bundle_name(handler) for handler in handlers.values()})
        packed = _pack(place, bundles, draft, deflated, order.report)
        caches.forget_unused()
        _write_templates(order, merged, packed, draft)
        manifest = _manifest(order, handlers, packed, draft)
        manifest.write(draft)
        shutil.rmtree(out, ignore_errors=True)
        draft.rename(out)
    return BuiltPackage(out, manifest, tuple(each.size for each in packed.values()), snapshots)


def _snapshots(order: PackageRequest, merged: dict[str, Any]) -> tuple[SnapStartPrice, ...]:
    """Return the costs of the snapshots; raise `PackagingError` if one is impossible.

    This uses a template without bundles, before minutes are spent on them.
    """
    if not order.snap_start:
        return ()
    draft = _plain_template(order, merged, bundle_name)
    known = parse_catalogue((order.project / CATALOGUE).read_text(encoding="utf-8"))
    return tuple(snap_start_prices(draft, order.snap_start, known))


def _plain_template(
    order: PackageRequest, merged: dict[str, Any], key_of: Callable[[str], str]
) -> dict[str, Any]:
    made = template.plain(merged, order.stage, order.region, order.architecture, key_of)
    try:
        snap_start(made, order.snap_start)
    except SnapStartError as error:
        raise PackagingError(str(error)) from error
    return made


def _require_replaceable(out: Path) -> None:
    """Raise `PackagingError` if a folder holds anything but a package, which would be lost."""
    if out.is_dir() and any(out.iterdir()) and not is_package(out):
        raise PackagingError(
            f"{out} holds something else than a package, which would be lost. Name a folder that "
            "is new, empty, or a package."
        )


def _pack(
    place: BundleAssembly,
    bundles: Iterable[str],
    draft: Path,
    deflated: DeflateCache,
    report: Report,
) -> dict[str, _PackedBundle]:
    """Compress every bundle, one thread per core: zlib releases the interpreter lock."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {}
        for name in bundles:
            report(name)
            entries = place.entries(name)
            size = unzipped_size(name, entries)
            file = draft / FUNCTIONS / f"{name}.zip"
            running[name] = (
                file,
                size,
                pool.submit(archive.write_archive, entries, file, deflated),
            )
        packed = {}
        for name, (file, size, written) in running.items():
            sha256 = written.result()
            packed[name] = _PackedBundle(BundleSize(name, file.stat().st_size, size), sha256)
    return packed


def _write_templates(
    order: PackageRequest, merged: dict[str, Any], packed: dict[str, _PackedBundle], draft: Path
) -> None:
    plain = _plain_template(order, merged, lambda handler: packed[bundle_name(handler)].key)
    sam = template.sam(merged, lambda handler: f"{FUNCTIONS}/{bundle_name(handler)}.zip")
    for name, content in ((TEMPLATE, plain), (SAM_TEMPLATE, sam)):
        (draft / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _manifest(
    order: PackageRequest, handlers: dict[str, str], packed: dict[str, _PackedBundle], draft: Path
) -> Manifest:
    functions = []
    for logical_id, handler in handlers.items():
        bundle = packed[bundle_name(handler)]
        functions.append(
            PackagedFunction(
                logical_id=logical_id,
                name=bundle.size.name,
                file=f"{FUNCTIONS}/{bundle.size.name}.zip",
                key=bundle.key,
                sha256=bundle.sha256,
                zipped_bytes=bundle.size.zipped,
                unzipped_bytes=bundle.size.unzipped,
            )
        )
    written = (draft / TEMPLATE).read_bytes()
    return Manifest(
        stage=order.stage,
        region=order.region,
        architecture=order.architecture,
        template=TEMPLATE,
        template_sha256=hashlib.sha256(written).hexdigest(),
        functions=tuple(functions),
    )


def write_chalice_requirements(project: Path) -> Path:
    """Write the `requirements.txt` that Chalice's own commands look for beside `app.py`.

    It has the requirements of the app's bundle, so that `chalice package` by itself would take the
    same.
    """
    file = project / CHALICE_REQUIREMENTS
    source = project / "requirements" / "api.txt"
    content = f"# Made from {source.relative_to(project)} by `headrace package`; not kept.\n"
    content += source.read_text(encoding="utf-8")
    if not file.is_file() or file.read_text(encoding="utf-8") != content:
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        draft.write_text(content, encoding="utf-8")
        draft.replace(file)
    return file
