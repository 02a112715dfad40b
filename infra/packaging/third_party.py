"""Third-party packages as bundles carry them: installed, pruned, compiled and cached.

Each package lies here once, however many functions pin it: a function's files are listed and not
copied. It is kept between packagings, for packages change less often than our own code; its inputs
are part of its name.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.packaging import bytecode, exclusions, stand_ins, wheels
from infra.packaging.bytecode import Compiler
from infra.packaging.cache import PackagingCache
from infra.packaging.targets import BuildTarget

_MAKERS = ("elf", "third_party", "exclusions", "stand_ins", "targets", "wheels")

Entries = dict[str, Path]
"""Files by their places in a bundle."""


@dataclass(frozen=True, slots=True)
class InstalledPackages:
    """Installed packages for one target."""

    cache: PackagingCache
    target: BuildTarget
    compiler: Compiler
    _folders: dict[str, Path] = field(default_factory=dict)
    _files: dict[Path, Entries] = field(default_factory=dict)
    _bytecode: dict[Path, Path] = field(default_factory=dict)
    _found: dict[tuple[str, ...], Entries] = field(default_factory=dict)

    def of(self, requirements: Path) -> Entries:
        """Return the files that a bundle carries of the packages that `requirements` pins.

        Raises:
            PackagingError: they cannot be installed for the target.
        """
        pins = tuple(wheels.pins(requirements))
        if pins not in self._found:
            self._install([pin for pin in pins if pin not in self._folders], requirements)
            self._found[pins] = self._carried([self._folders[pin] for pin in pins])
        return self._found[pins]

    def _install(self, pins: Iterable[str], requirements: Path) -> None:
        """Fill the folder of each pin with its package."""
        folders = {pin: self.cache.use(self._name(pin)) for pin in pins}
        drafts = {
            pin: folder.with_suffix(".draft")
            for pin, folder in folders.items()
            if not folder.is_dir()
        }
        for draft in drafts.values():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        wheels.install(drafts, requirements, self.target)
        for pin, draft in drafts.items():
            exclusions.prune(draft)
            stand_ins.stand_in(draft)
            draft.rename(folders[pin])
        self._folders.update(folders)

    def _name(self, pin: str) -> str:
        digest = hashlib.sha256(f"{self.target}\n".encode())
        digest.update(pin.encode())
        for maker in _MAKERS:
            digest.update(Path(__file__).with_name(f"{maker}.py").read_bytes())
        return f"{pin.partition('==')[0]}-{digest.hexdigest()[:16]}"

    def _carried(self, folders: Sequence[Path]) -> Entries:
        """Return the files of packages in `folders`, less those that one makes unnecessary.

        Only packages of which a source is carried are compiled: installers and command lines are
        pinned, too, and a bundle carries nothing of them.
        """
        dropped = exclusions.left_out(folders)
        files = {folder: _without(self._files_of(folder), folder, dropped) for folder in folders}
        found = {place: file for each in files.values() for place, file in each.items()}
        found |= self._compiled(files)
        for place in stand_ins.unneeded(found):
            del found[place]
        return found

    def _compiled(self, files: dict[Path, Entries]) -> Entries:
        """Return the bytecode of the sources among `files`, which are grouped by folder."""
        sources = {
            folder: [(place, file) for place, file in each.items() if place.endswith(".py")]
            for folder, each in files.items()
        }
        missing = [
            folder for folder, each in sources.items() if each and each[0][1] not in self._bytecode
        ]
        self._bytecode.update(self.compiler.compile_all(missing))
        return {
            bytecode.place_of(place, self._bytecode[file]): self._bytecode[file]
            for each in sources.values()
            for place, file in each
        }

    def _files_of(self, folder: Path) -> Entries:
        if folder not in self._files:
            self._files[folder] = {
                file.relative_to(folder).as_posix(): file
                for file in sorted(folder.rglob("*"))
                if file.is_file()
            }
        return self._files[folder]


def _without(files: Entries, folder: Path, dropped: Iterable[Path]) -> Entries:
    """Return `files` of a folder without those that are dropped or lie in a dropped folder."""
    places = [
        path.relative_to(folder).as_posix() for path in dropped if path.is_relative_to(folder)
    ]
    if not places:
        return files
    prefixes = tuple(f"{place}/" for place in places)
    return {
        place: file
        for place, file in files.items()
        if place not in places and not place.startswith(prefixes)
    }
