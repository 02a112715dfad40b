"""Content of each bundle: a mapping from paths inside to local files.

All bundles share one copy of the project and its bytecode, of which each gets what it imports.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath

from chalicelib.generation.catalogue import Catalogue
from infra.packaging import bytecode, elf, models
from infra.packaging.closure import SourceTree
from infra.packaging.targets import PackagingError
from infra.packaging.third_party import Entries, InstalledPackages

APP = "app"
"""The bundle of every function that Chalice makes: each imports `app.py`, which binds them all."""

CATALOGUE = "models/catalogue.json"
_READERS = {
    CATALOGUE: "chalicelib/generation/catalogue.py",
    "models/served.json": "chalicelib/generation/model_file.py",
}
"""Of the data about models, the module that reads it: who carries that carries the data."""
_NOT_PACKAGED = ("event.json", "events/*.json", "requirements.in", "requirements.txt")
"""Files of a function's folder that no bundle carries: samples and what its packages are."""
STARTED_MODULES: Mapping[str, tuple[str, ...]] = {
    "stream_answer": ("bootstrap",),
    "stream_chat": ("bootstrap",),
}
"""By function: what of its folder Lambda starts in place of a module, as its template says."""
_SOURCES = ("chalicelib", "functions")


def bundle_name(handler: str) -> str:
    """Return the bundle that holds `handler`: that of its folder, or the app's."""
    return handler.split(".")[1] if handler.startswith("functions.") else APP


def module_of(bundle: str) -> str:
    """Return the entry module of the bundle."""
    return APP if bundle == APP else f"functions.{bundle}.handler"


@dataclass(frozen=True)
class BundleAssembly:
    """Assembly of bundles in `folder`, which is empty at first and may be deleted afterwards.

    Files that several bundles share are read once, so no file may change meanwhile.
    """

    project: Path
    models_dir: Path
    catalogue: Catalogue
    installed: InstalledPackages
    folder: Path
    second_embedder: str = models.SECOND_EMBEDDER
    _checked: dict[Path, str] = field(default_factory=dict)
    _machines: dict[Path, int | None] = field(default_factory=dict)

    def requirements(self, bundle: str) -> Path:
        """Return the pinned requirements of a bundle."""
        if bundle == APP:
            return self.project / "requirements" / "api.txt"
        return self.project / "functions" / bundle / "requirements.txt"

    def entries(self, bundle: str) -> Entries:
        """Return all entries of a bundle, with its shared libraries checked for the target.

        Raises:
            PackagingError: something is missing, or is for another machine.
        """
        found = {
            **self.installed.of(self.requirements(bundle)),
            **self._own(bundle),
            **models.carried(
                bundle, self.models_dir, self.catalogue, self._checked, self.second_embedder
            ),
        }
        elf.demand_machine(bundle, found, self.installed.target, self._machines)
        return found

    @cached_property
    def _sources(self) -> SourceTree:
        """Return a copy of the project files that bundles may contain, made on first use.

        Names that begin with a dot are left out: settings of tools, keys, locks of editors.
        """
        folder = self.folder / "project"
        if not folder.is_dir():
            draft = folder.with_suffix(".draft")
            draft.mkdir(parents=True)
            left_out = shutil.ignore_patterns("__pycache__", ".*")
            for source in _SOURCES:
                shutil.copytree(self.project / source, draft / source, ignore=left_out)
            shutil.copy2(self.project / "app.py", draft)
            (draft / "models").mkdir()
            for data in _READERS:
                shutil.copy2(self.project / data, draft / data)
            draft.rename(folder)
        return SourceTree(folder)

    @cached_property
    def _compiled(self) -> dict[Path, Path]:
        """Return the bytecode of the project's sources."""
        return self.installed.compiler.compile_all([self._sources.project])

    def _own(self, bundle: str) -> Entries:
        """Return the project files of a bundle: what it imports, and the data that this reads."""
        sources = self._sources
        project = sources.project
        files: Entries = {}
        for source in sources.closure(module_of(bundle)):
            place = source.relative_to(project).as_posix()
            compiled = self._compiled[source]
            files |= {place: source, bytecode.place_of(place, compiled): compiled}
        for file in sources.named_data(module_of(bundle)):
            files[file.relative_to(project).as_posix()] = file
        if bundle != APP:
            started = (f"functions/{bundle}/{name}" for name in STARTED_MODULES.get(bundle, ()))
            files |= {name: project / name for name in started}
            _require_known(project, bundle, files)
        return files | {
            data: project / data for data, reader in _READERS.items() if reader in files
        }


def _all_of(folder: Path) -> Entries:
    return {
        file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()
    }


def _require_known(project: Path, bundle: str, found: Entries) -> None:
    """Raise `PackagingError` if a function's folder has a file of undeclared purpose.

    It may be data that the function would miss, since its name is put together, or an editor's copy
    of a file, or keys that somebody left there.
    """
    room = project / "functions" / bundle
    for name, file in sorted(_all_of(room).items()):
        inside = f"functions/{bundle}/{name}"
        is_left_out = any(PurePath(name).match(pattern) for pattern in _NOT_PACKAGED)
        if inside in found or file.suffix in (".py", ".pyc") or is_left_out:
            continue
        raise PackagingError(
            f"{inside} is named by no module beside it that {bundle} imports, so no bundle can "
            "carry it. Remove it, or have the module that reads it name it as a string; one that "
            "Lambda starts belongs into STARTED_MODULES of infra/packaging/bundles.py."
        )
