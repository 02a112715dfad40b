"""Which version of a model a stage serves: `models/serving/NAME.json` in its bucket.

An operator writes it (`headrace models serve`), and functions read it. It is the last thing that is
written: the files of a version are there, and are what its manifest says, before anything names
them. A rollout of the whole stage is a second version here, the candidate, with the share of end
users that it answers.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.indexes import PINNED
from chalicelib.contracts.model_manifest import Sha256

ROOT = "models/serving"
SHARED = f"{ROOT}/_shared/"
"""Below it lie files that several versions have in common, by their sha256. No model's name begins
with an underscore.
"""

ServingName = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=63)]
"""The name of a model in `models/served.json`."""


SharedKey = Annotated[str, Field(pattern=rf"^{SHARED}[0-9a-f]{{64}}$")]

OPEN_EMBEDDERS = 2
"""Versions of embedders that a process keeps open: those of both indexes that a job fills."""

Variant = Literal["live", "candidate"]
"""The versions of one model that a stage can serve at once."""
CANDIDATE: Variant = "candidate"


class SharedFile(Contract):
    """A file of a version that lies where others of the same content find it too."""

    name: str
    key: SharedKey


class ServedVersion(Contract):
    """A version of a model: its ARN in the registry, where its files lie, and the sha256 of its
    `signature.json`, which has those of all the rest. `unapproved` are the reasons for which it
    should not serve, and does because an operator overrode them. `shared` are files
    that several versions have in common, such as a base that each of them adapts. `base_only` says
    that the base answers, without what was tuned on it.
    """

    arn: str = Field(min_length=1)
    prefix: str = Field(pattern=rf"^{ROOT}/[A-Za-z0-9./-]+/$")
    signature: Sha256
    unapproved: tuple[str, ...] = ()
    shared: tuple[SharedFile, ...] = ()
    base_only: bool = False

    def key_of(self, file: str) -> str:
        """Return where a file of the version lies."""
        keys = {each.name: each.key for each in self.shared}
        return keys.get(file, f"{self.prefix}{file}")

    @property
    def label(self) -> str:
        """Return the version in short, group and number."""
        return self.arn.partition(":model-package/")[2] or self.arn

    @property
    def receipt_name(self) -> str:
        """Return the label as receipts have it, which says if the version is not approved, and if
        its base answers.
        """
        base = " (base)" if self.base_only else ""
        return f"{self.label}{base}{' (unapproved)' if self.unapproved else ''}"


class Serving(Contract):
    """The version that a stage serves as `name`; `before` if `serves` is unavailable.

    `candidate` answers `share` percent of the end users instead, and calls that name it
    (`NAME@candidate`).
    """

    name: ServingName
    serves: ServedVersion
    before: ServedVersion | None = None
    candidate: ServedVersion | None = None
    share: float = Field(default=0, ge=0, le=100, allow_inf_nan=False)
    since: AwareDatetime


class ServedModelRequest(Contract):
    """What every request has to a function that answers by models which the stage trained.

    `caller` is a hash of the tenant and its end user, by which the version is chosen while the
    stage serves two; "" is answered by the live one. `variant` names one of the two, whoever calls.
    """

    model: ServingName
    correlation_id: str = ""
    caller: str = ""
    variant: Variant | Literal[""] = ""


_PIN_DIGITS = 16
_PINNED_NAME = re.compile(rf"[a-z0-9]+([.-][a-z0-9]+)*{PINNED}[0-9a-f]{{{_PIN_DIGITS}}}")


def pinned_name(name: str, signature: str) -> str:
    """Return the name of one version of a model, by the sha256 of its manifest.

    An index of vectors names its model so: vectors of two versions cannot be compared, and the
    version that serves may change. 64 bits of the hash tell the versions of one name apart.
    """
    return f"{name}{PINNED}{signature[:_PIN_DIGITS]}"


def pinned_prefix(pinned: str) -> str:
    """Return where the files of the version lie that `pinned_name` named.

    Raises ValueError for another name.
    """
    name, _, pin = pinned.partition(PINNED)
    if not _PINNED_NAME.fullmatch(pinned):
        raise ValueError(f"{pinned!r} names no version of a model.")
    return f"{ROOT}/{name}/{pin}/"


def pointer_key(name: str) -> str:
    """Return where it stands which version of the model `name` is served."""
    return f"{ROOT}/{name}.json"
