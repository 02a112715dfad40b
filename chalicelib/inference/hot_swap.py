"""Models that change under a process: the version that the stage serves, open until it changes.

Once in a while it is looked up which version that is. A new one is opened beside the old one, and
takes its place only when all of it is there and is what was registered. If it is not, the old one
goes on; a process that has none takes the version that was served before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from chalicelib.contracts.serving import ServedVersion, Serving
from chalicelib.errors import Conflict, HeadraceError, ModelFailure, NotFound
from chalicelib.inference.exported import Exported

LOOK_SECONDS = 30.0
"""How long what was looked up is believed: so much later than an operator's word, at the most, does
a busy process swap.
"""

M = TypeVar("M")


class Versions(Protocol):
    """Where a stage keeps the versions that it serves."""

    def serving(self, name: str) -> Serving | None:
        """Return what is served as `name`, None where nothing is.

        Raises:
            ModelFailure: what stands there cannot be read.
            Throttled, Transient: it cannot be had now.
        """

    def file(self, version: ServedVersion, name: str) -> bytes:
        """Return a file of a version; raises `NotFound`, `Throttled` or `Transient`."""


@dataclass(frozen=True, slots=True)
class Opened(Generic[M]):
    """A model that is open, and of which version."""

    model: M
    version: ServedVersion


class Models(Protocol[M]):
    """Models that are open, by name, as `HotSwap` keeps them."""

    def get(self, name: str) -> Opened[M]:
        """Return the one that serves; raises as `HotSwap.get` does."""


@dataclass(slots=True)
class _Held(Generic[M]):
    opened: Opened[M]
    looked: float


@dataclass(frozen=True, slots=True)
class HotSwap(Generic[M]):
    """Models by name. `open_one` makes a model of what was exported; `clock` gives seconds, and
    `told` hears why a version that should serve does not.
    """

    versions: Versions
    open_one: Callable[[Exported], M]
    clock: Callable[[], float]
    told: Callable[[HeadraceError], None]
    _held: dict[str, _Held[M]] = field(default_factory=dict)

    def get(self, name: str) -> Opened[M]:
        """Return the model that serves as `name`.

        Raises:
            Conflict: the stage serves none.
            ModelFailure: no version that it serves can be opened.
            Throttled, Transient: it cannot be looked up now, and none is open.
        """
        held = self._held.get(name)
        if held is not None and self.clock() - held.looked < LOOK_SECONDS:
            return held.opened
        looked = self.clock()
        opened = self._looked_up(name, held.opened if held is not None else None)
        self._held[name] = _Held(opened, looked)
        return opened

    def _looked_up(self, name: str, old: Opened[M] | None) -> Opened[M]:
        try:
            serving = self.versions.serving(name)
        except HeadraceError as error:
            return self._kept(old, error)
        if serving is None:
            self._held.pop(name, None)
            raise _none(name)
        if old is not None and old.version == serving.serves:
            return old
        try:
            return self._open(serving.serves)
        except HeadraceError as error:
            if old is None and serving.before is not None:
                self.told(_not_swapped(serving.serves, serving.before, error))
                return self._open(serving.before)
            return self._kept(old, error, serving.serves)

    def _kept(
        self, old: Opened[M] | None, error: HeadraceError, new: ServedVersion | None = None
    ) -> Opened[M]:
        if old is None:
            raise error
        self.told(_not_swapped(new, old.version, error))
        return old

    def _open(self, version: ServedVersion) -> Opened[M]:
        exported = Exported.read(lambda name: self._file(version, name), version.signature)
        return Opened(self.open_one(exported), version)

    def _file(self, version: ServedVersion, name: str) -> bytes:
        try:
            return self.versions.file(version, name)
        except NotFound as error:
            raise ModelFailure(f"{name} of {version.label} is gone; serve it anew.") from error


def _none(name: str) -> Conflict:
    return Conflict(
        f"No version of {name} is served on this stage. An operator serves one that was"
        f" registered: headrace models serve {name} VERSION",
        field="model",
    )


def _not_swapped(
    new: ServedVersion | None, old: ServedVersion, error: HeadraceError
) -> ModelFailure:
    what = f"{new.label} cannot serve" if new is not None else "It cannot be told what serves"
    return ModelFailure(f"{what}, and {old.label} goes on: {error.message}")
