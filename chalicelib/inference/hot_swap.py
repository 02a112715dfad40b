"""Hot swap: keeps the model version that a stage serves open, and changes it with that.

The serving version is looked up at most every `REFRESH_SECONDS`. A new version is opened beside the
old one and replaces it only if all of its files exist and match their hashes. Otherwise the old one
stays; a process that has none open uses the version served before.

While the stage tries a candidate, that is opened when the first call of its share comes, beside the
live version. If it cannot be opened, the live one answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

from chalicelib.contracts.serving import CANDIDATE, ServedVersion, Serving, Variant
from chalicelib.errors import Conflict, HeadraceError, ModelFailure, NotFound
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.rollouts.assignment import assign_arm, end_user_position

REFRESH_SECONDS = 30.0
"""How long a look-up is valid: the longest delay of a swap in a busy process, in seconds."""

M = TypeVar("M")


class VersionStore(Protocol):
    """The store of the versions that a stage serves."""

    def serving(self, name: str) -> Serving | None:
        """Return the versions served as `name`, or None.

        Raises:
            ModelFailure: the record cannot be parsed.
            Throttled, Transient: the record cannot be read now.
        """

    def file(self, version: ServedVersion, name: str) -> bytes:
        """Return a file of a version; raises `NotFound`, `Throttled` or `Transient`."""


@dataclass(frozen=True, slots=True)
class OpenModel(Generic[M]):
    """A model that is open, and its version."""

    model: M
    version: ServedVersion


class OpenModels(Protocol[M]):
    """Open models by name, as `HotSwap` caches them."""

    def get(self, name: str, caller: str = "", variant: Variant | Literal[""] = "") -> OpenModel[M]:
        """Return the model that serves as `name`; raises as `HotSwap.get` does."""


@dataclass(slots=True)
class _CachedModel(Generic[M]):
    """An open model, and when its version was last looked up.

    `serving` is what was found then, None if it could not be told. `candidate` is open if a call of
    its share came, and `broken` says why it cannot be opened.
    """

    opened: OpenModel[M]
    serving: Serving | None
    refreshed_at: float
    candidate: OpenModel[M] | None = None
    broken: HeadraceError | None = None


@dataclass(frozen=True, slots=True)
class HotSwap(Generic[M]):
    """Open models by name, each swapped when the stage serves another version.

    Args:
        versions: where the stage keeps versions.
        open_model: opens an exported model; raises `ModelFailure`.
        monotonic: a clock in seconds.
        on_error: called when the version that should serve does not, or is not approved.
    """

    versions: VersionStore
    open_model: Callable[[ExportedModel], M]
    monotonic: Callable[[], float]
    on_error: Callable[[HeadraceError], None]
    _cache: dict[str, _CachedModel[M]] = field(default_factory=dict)

    def get(self, name: str, caller: str = "", variant: Variant | Literal[""] = "") -> OpenModel[M]:
        """Return the model that serves as `name`.

        Args:
            name: the model.
            caller: a hash of who calls, by which a candidate's share is told; "" is answered by
                the live version.
            variant: which of the two versions answers, whoever calls.

        Raises:
            Conflict: the stage serves none, or tries no candidate, and `variant` names it.
            ModelFailure: no version that it serves can be opened.
            Throttled, Transient: the version cannot be looked up now, and none is open.
        """
        cached = self._cache.get(name)
        if cached is None or self.monotonic() - cached.refreshed_at >= REFRESH_SECONDS:
            now = self.monotonic()
            cached = self._cache[name] = self._refresh(name, cached, now)
        if variant == CANDIDATE:
            return self._open_candidate(name, cached)
        if variant or not _meets_candidate(cached.serving, caller):
            return cached.opened
        try:
            return self._open_candidate(name, cached)
        except HeadraceError:
            return cached.opened

    def _open_candidate(self, name: str, cached: _CachedModel[M]) -> OpenModel[M]:
        """Return the candidate, which is opened once; raises why it cannot be."""
        serving = cached.serving
        if serving is None or serving.candidate is None:
            raise _no_candidate(name)
        if cached.broken is not None:
            raise cached.broken
        if cached.candidate is None:
            try:
                cached.candidate = self._open(serving.candidate)
            except HeadraceError as error:
                cached.broken = _swap_failure(serving.candidate, cached.opened.version, error)
                self.on_error(cached.broken)
                raise cached.broken from error
        return cached.candidate

    def _refresh(self, name: str, cached: _CachedModel[M] | None, now: float) -> _CachedModel[M]:
        """Look up the serving version, and open it unless it is open already."""
        old = cached.opened if cached is not None else None
        try:
            serving = self.versions.serving(name)
        except HeadraceError as error:
            return _CachedModel(self._keep(old, error), None, now)
        if serving is None:
            self._cache.pop(name, None)
            raise _nothing_served(name)
        known = [cached.opened, cached.candidate] if cached is not None else []
        is_open = {each.version: each for each in known if each is not None}
        live = is_open.get(serving.serves) or self._swap(name, serving, old)
        tried = is_open.get(serving.candidate) if serving.candidate is not None else None
        return _CachedModel(live, serving, now, tried)

    def _swap(self, name: str, serving: Serving, old: OpenModel[M] | None) -> OpenModel[M]:
        """Open the version that is to serve, or go on with the old one or the one before."""
        try:
            opened = self._open(serving.serves)
        except HeadraceError as error:
            if old is None and serving.before is not None:
                self.on_error(_swap_failure(serving.serves, serving.before, error))
                return self._open(serving.before)
            return self._keep(old, error, serving.serves)
        if reasons := serving.serves.unapproved:
            self.on_error(
                ModelFailure(
                    f"{name} is answered by {serving.serves.label}, which an operator serves "
                    f"although {'; '.join(reasons)}."
                )
            )
        return opened

    def _keep(
        self, old: OpenModel[M] | None, error: HeadraceError, new: ServedVersion | None = None
    ) -> OpenModel[M]:
        """Return the old version and report the error, or raise it if there is no old one."""
        if old is None:
            raise error
        self.on_error(_swap_failure(new, old.version, error))
        return old

    def _open(self, version: ServedVersion) -> OpenModel[M]:
        exported = ExportedModel.read(lambda name: self._file(version, name), version.signature)
        return OpenModel(
            self.open_model(exported.base() if version.base_only else exported), version
        )

    def _file(self, version: ServedVersion, name: str) -> bytes:
        try:
            return self.versions.file(version, name)
        except NotFound as error:
            raise ModelFailure(f"{name} of {version.label} is gone; serve it anew.") from error


def _meets_candidate(serving: Serving | None, caller: str) -> bool:
    """Return whether a caller is in the share of the candidate; the same one always is."""
    if serving is None or serving.candidate is None or not caller:
        return False
    position = end_user_position(serving.candidate.arn, "", caller)
    return assign_arm(serving.share, position) == CANDIDATE


def _no_candidate(name: str) -> Conflict:
    return Conflict(
        f"The stage tries no candidate for {name}. An operator names one:"
        f" headrace models serve {name} VERSION --rollout PERCENT",
        field="model",
    )


def _nothing_served(name: str) -> Conflict:
    return Conflict(
        f"No version of {name} is served on this stage. An operator serves one that was"
        f" registered: headrace models serve {name} VERSION",
        field="model",
    )


def _swap_failure(
    new: ServedVersion | None, old: ServedVersion, error: HeadraceError
) -> ModelFailure:
    problem = f"{new.label} cannot serve" if new is not None else "It cannot be told what serves"
    return ModelFailure(f"{problem}, and {old.label} goes on: {error.message}")
