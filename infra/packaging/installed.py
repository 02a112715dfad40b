"""Third-party packages as bundles carry them: installed, pruned and compiled, and kept for later.

Functions that pin the same packages share one copy. It is kept between packagings, for packages
change less often than our own code; what made it is part of its name.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from infra.packaging import bytecode, pruning, standins, wheels
from infra.packaging.bytecode import Compiler
from infra.packaging.targets import Target

_MAKERS = ("bytecode", "elf", "installed", "pruning", "standins", "targets", "wheels")


@dataclass(frozen=True, slots=True)
class Installed:
    """Installed packages for one target, in `folder`, which one process at a time may use."""

    folder: Path
    target: Target
    compiler: Compiler
    _used: set[str] = field(default_factory=set)

    def of(self, requirements: Path) -> Path:
        """Return the folder with the packages that `requirements` pins, made at first need.

        Raises:
            CannotPackage: they cannot be had for the target.
        """
        name = self._name(wheels.pins(requirements))
        self._used.add(name)
        folder = self.folder / name
        if not folder.is_dir():
            draft = self.folder / f"{name}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            wheels.install(requirements, self.target, draft)
            pruning.prune(draft)
            standins.stand_in(draft)
            self.compiler.compile_all(draft)
            draft.rename(folder)
        return folder

    def forget_unused(self) -> None:
        """Remove what nobody asked for, such as packages of former pins."""
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder.name not in self._used:
                shutil.rmtree(folder)

    def _name(self, pins: str) -> str:
        digest = hashlib.sha256(
            f"{self.target} {bytecode.made_by(self.compiler.interpreter)}\n".encode()
        )
        digest.update(pins.encode())
        for maker in _MAKERS:
            digest.update(Path(__file__).with_name(f"{maker}.py").read_bytes())
        return digest.hexdigest()[:16]
