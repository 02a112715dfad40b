"""A package made: each bundle put together and packed, then the template that names them."""

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
from infra.packaging.bundles import CATALOGUE, Workplace, bundle_name
from infra.packaging.bytecode import Compiler
from infra.packaging.cache import Caches
from infra.packaging.deflated import Deflated
from infra.packaging.failures import CannotPackage
from infra.packaging.installed import Installed
from infra.packaging.interpreter import find_interpreter
from infra.packaging.locking import alone
from infra.packaging.manifest import TEMPLATE, Manifest, PackagedFunction, is_package
from infra.packaging.sizes import Size, unzipped
from infra.packaging.targets import demand_stage, target
from infra.snapstart import NoSnapStart, Price, prices, snap_start

FUNCTIONS = "functions"
SAM_TEMPLATE = "sam.json"
KEPT = Path("build") / "packages"
"""Where installed packages, bytecode and compressed files are kept for the next packaging."""
CHALICE_REQUIREMENTS = "requirements.txt"

Report = Callable[[str], None]


def silent(_: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to package: a stage of `project` in a region, for one architecture.

    `models_dir` is where `headrace models pull` puts models. The functions in `snap_start`, by
    their logical ids, start from snapshots.
    """

    project: Path
    stage: str
    region: str = "us-east-1"
    architecture: str = "arm64"
    models_dir: Path = field(kw_only=True)
    snap_start: tuple[str, ...] = field(default=(), kw_only=True)
    report: Report = field(default=silent, kw_only=True)


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was made, how large its bundles are, and what its snapshots cost."""

    folder: Path
    manifest: Manifest
    sizes: tuple[Size, ...]
    snapshots: tuple[Price, ...] = ()


@dataclass(frozen=True, slots=True)
class _Packed:
    size: Size
    sha256: str

    @property
    def key(self) -> str:
        return f"{FUNCTIONS}/{self.size.name}-{self.sha256}.zip"


def package(order: Order, out: Path) -> Package:
    """Make the package that `order` asks for, as the folder `out`, which is replaced whole.

    Raises:
        CannotPackage: with what to do about it; `out` is then as it was.
    """
    demand_stage(order.stage)
    _demand_replaceable(out)
    wanted = target(order.architecture)
    interpreter = find_interpreter()
    out.parent.mkdir(parents=True, exist_ok=True)
    write_chalice_requirements(order.project)
    order.report("template")
    merged = template.merged(order.project, order.stage, order.region)
    handlers = template.handlers(merged)
    snapshots = _snapshots(order, merged)
    kept = order.project / KEPT
    caches = Caches.of(kept, order.architecture)
    deflated = Deflated(caches.deflated)
    with (
        alone(kept),
        tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary,
    ):
        work = Path(temporary)
        compiler = Compiler(interpreter, caches.compiled)
        installed = Installed(caches.installed, wanted, compiler)
        draft = work / "package"
        (draft / FUNCTIONS).mkdir(parents=True)
        known = parse_catalogue((order.project / CATALOGUE).read_text(encoding="utf-8"))
        place = Workplace(order.project, order.models_dir, known, installed, work / "content")
        bundles = sorted({bundle_name(handler) for handler in handlers.values()})
        packed = _pack(place, bundles, draft, deflated, order.report)
        caches.forget_unused()
        _write_templates(order, merged, packed, draft)
        manifest = _manifest(order, handlers, packed, draft)
        manifest.write(draft)
        shutil.rmtree(out, ignore_errors=True)
        draft.rename(out)
    return Package(out, manifest, tuple(each.size for each in packed.values()), snapshots)


def _snapshots(order: Order, merged: dict[str, Any]) -> tuple[Price, ...]:
    """Return what the snapshots cost; raise `CannotPackage` for one that cannot be taken.

    It is told from a template without bundles, before minutes go into them.
    """
    if not order.snap_start:
        return ()
    draft = _plain(order, merged, bundle_name)
    known = parse_catalogue((order.project / CATALOGUE).read_text(encoding="utf-8"))
    return tuple(prices(draft, order.snap_start, known))


def _plain(order: Order, merged: dict[str, Any], key_of: Callable[[str], str]) -> dict[str, Any]:
    made = template.plain(merged, order.stage, order.region, order.architecture, key_of)
    try:
        snap_start(made, order.snap_start)
    except NoSnapStart as error:
        raise CannotPackage(str(error)) from error
    return made


def _demand_replaceable(out: Path) -> None:
    """Raise `CannotPackage` for a folder that holds anything but a package: it would be lost."""
    if out.is_dir() and any(out.iterdir()) and not is_package(out):
        raise CannotPackage(
            f"{out} holds something else than a package, which would be lost. Name a folder that "
            "is new, empty, or a package."
        )


def _pack(
    place: Workplace, bundles: Iterable[str], draft: Path, deflated: Deflated, report: Report
) -> dict[str, _Packed]:
    """Pack every bundle, as many at once as there are cores: compressing lets go of the lock."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {}
        for name in bundles:
            report(name)
            entries = place.entries(name)
            size = unzipped(name, entries)
            file = draft / FUNCTIONS / f"{name}.zip"
            running[name] = (file, size, pool.submit(archive.write, entries, file, deflated))
        packed = {}
        for name, (file, size, written) in running.items():
            sha256 = written.result()
            packed[name] = _Packed(Size(name, file.stat().st_size, size), sha256)
    return packed


def _write_templates(
    order: Order, merged: dict[str, Any], packed: dict[str, _Packed], draft: Path
) -> None:
    plain = _plain(order, merged, lambda handler: packed[bundle_name(handler)].key)
    sam = template.sam(merged, lambda handler: f"{FUNCTIONS}/{bundle_name(handler)}.zip")
    for name, content in ((TEMPLATE, plain), (SAM_TEMPLATE, sam)):
        (draft / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _manifest(
    order: Order, handlers: dict[str, str], packed: dict[str, _Packed], draft: Path
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

    It is what the app's bundle is made of, so that `chalice package` by itself would take the same.
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
