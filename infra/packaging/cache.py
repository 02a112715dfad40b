"""Cache of packaging results, each named by a hash of its inputs."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_LISTS = ".used"
"""The folder that lists, by owner, the names which the owner's last packaging used."""


@dataclass(frozen=True, slots=True)
class PackagingCache:
    """A folder of files and folders that several owners share.

    An owner is what is packaged apart, such as an architecture. Only one process at a time may use
    the folder; several of its threads may.
    """

    folder: Path
    owner: str = "sole"
    _used: set[str] = field(default_factory=set)

    def use(self, name: str) -> Path:
        """Return the path of that name, and protect it from `forget_unused`."""
        self._used.add(name)
        return self.folder / name

    def forget_unused(self) -> None:
        """Delete entries unused by this process and by other owners' last packaging."""
        lists = self.folder / _LISTS
        lists.mkdir(parents=True, exist_ok=True)
        (lists / self.owner).write_text("\n".join(sorted(self._used)), encoding="utf-8")
        wanted = {_LISTS}
        for file in lists.iterdir():
            wanted.update(file.read_text(encoding="utf-8").split("\n"))
        for path in self.folder.iterdir():
            if path.name in wanted:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


@dataclass(frozen=True, slots=True)
class PackagingCaches:
    """Caches of one owner's packagings, beside those of other owners.

    `installed` holds third-party packages, `compiled` bytecode, `deflated` compressed files.
    """

    installed: PackagingCache
    compiled: PackagingCache
    deflated: PackagingCache

    @classmethod
    def of(cls, folder: Path, owner: str) -> PackagingCaches:
        """Return the caches in `folder`."""
        return cls(
            *(
                PackagingCache(folder / name, owner)
                for name in ("installed", "compiled", "deflated")
            )
        )

    def forget_unused(self) -> None:
        """Delete the unused entries of each cache."""
        for cache in (self.installed, self.compiled, self.deflated):
            cache.forget_unused()


@contextmanager
def exclusive_folder(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on `folder`, created if needed; wait for other processes.

    The lock is the operating system's, so a killed process leaves none behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
