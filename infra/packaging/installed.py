"""Third-party packages as bundles carry them: installed, pruned and compiled, and kept for later.

Each package lies here once, however many functions pin it: what a function gets is told and not
copied. It is kept between packagings, for packages change less often than our own code; what made
it is part of its name.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from infra.packaging import bytecode, pruning, standins, wheels
from infra.packaging.bytecode import Compiler
from infra.packaging.targets import Target

_MAKERS = ("bytecode", "elf", "installed", "pruning", "standins", "targets", "wheels")
_AT_ONCE = 8
"""Installations: most of what each does is to wait for a registry."""

Entries = dict[str, Path]
"""Files by their places in a bundle."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Installed packages for one target, in `folder`, which one process at a time may use."""

    folder: Path
    target: Target
    compiler: Compiler
    _used: dict[str, Path] = field(default_factory=dict)
    _found: dict[tuple[str, ...], Entries] = field(default_factory=dict)

    def of(self, requirements: Path) -> Entries:
        """Return what a bundle carries of the packages that `requirements` pins.

        Raises:
            CannotPackage: they cannot be had for the target.
        """
        pins = tuple(wheels.pins(requirements))
        if pins not in self._found:
            self._make([pin for pin in pins if pin not in self._used], requirements)
            self._found[pins] = _carried([self._used[pin] for pin in pins])
        return self._found[pins]

    def forget_unused(self) -> None:
        """Remove what nobody asked for, such as packages of former pins."""
        used = set(self._used.values())
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder not in used:
                shutil.rmtree(folder)

    def _make(self, pins: Iterable[str], requirements: Path) -> None:
        """Give each pin its folder, with what it names in it."""
        folders = {pin: self.folder / self._name(pin) for pin in pins}
        missing = {pin: folder for pin, folder in folders.items() if not folder.is_dir()}
        drafts = {pin: folder.with_suffix(".draft") for pin, folder in missing.items()}
        for draft in drafts.values():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            running = [
                pool.submit(wheels.install, pin, requirements, self.target, draft)
                for pin, draft in drafts.items()
            ]
        for each in running:
            each.result()
        for pin, draft in drafts.items():
            pruning.prune(draft)
            standins.stand_in(draft)
            self.compiler.compile_all(draft)
            draft.rename(missing[pin])
        self._used.update(folders)

    def _name(self, pin: str) -> str:
        digest = hashlib.sha256(
            f"{self.target} {bytecode.made_by(self.compiler.interpreter)}\n".encode()
        )
        digest.update(pin.encode())
        for maker in _MAKERS:
            digest.update(Path(__file__).with_name(f"{maker}.py").read_bytes())
        return f"{pin.partition('==')[0]}-{digest.hexdigest()[:16]}"


def _carried(folders: Iterable[Path]) -> Entries:
    """Return what packages that lie in `folders` are together, less what they make superfluous."""
    dropped = pruning.left_out(folders)
    found = {
        file.relative_to(folder).as_posix(): file
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.is_file() and dropped.isdisjoint((file, *file.parents))
    }
    for place in standins.unneeded(found):
        del found[place]
    return found
