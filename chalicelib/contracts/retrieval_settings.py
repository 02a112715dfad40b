"""Retrieval settings: how passages are found where a request leaves it open.

A setting has no record of its own. Its name says it all, such as `top_k=20,rerank=on`, and names
the versions of a rollout of a collection's retrieval. `default` is what the stage does.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.contracts.captures import DEFAULT_VERSION
from chalicelib.errors import InvalidInput

MIN_TOP_K, MAX_TOP_K = 1, 100
_SWITCHES = {"on": True, "off": False}
_EXAMPLE = "top_k=20,rerank=on"


@dataclass(frozen=True, slots=True)
class RetrievalSetting:
    """What a setting says: None leaves it to the stage.

    Attributes:
        top_k: How many passages an answer is made of, 1 to 100.
        rerank: Whether a model looks at the first passages again.
    """

    top_k: int | None = None
    rerank: bool | None = None

    @classmethod
    def parse(cls, name: str) -> RetrievalSetting:
        """Return the setting of a name.

        Raises:
            InvalidInput: it is not the name of one; the field is `to`.
        """
        setting = cls()
        if name == DEFAULT_VERSION:
            return setting
        given: dict[str, str] = {}
        for part in name.split(","):
            key, _, value = part.strip().partition("=")
            if key not in ("top_k", "rerank") or key in given or not value:
                raise _unknown(name)
            given[key] = value.strip()
        rerank, top_k = given.get("rerank"), given.get("top_k")
        if rerank is not None and rerank not in _SWITCHES:
            raise _unknown(name)
        if top_k is not None and not (
            top_k.isascii() and top_k.isdecimal() and MIN_TOP_K <= int(top_k) <= MAX_TOP_K
        ):
            raise _unknown(name)
        return cls(
            None if top_k is None else int(top_k), None if rerank is None else _SWITCHES[rerank]
        )


def _unknown(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name!r} is no retrieval setting. One has top_k={MIN_TOP_K} to {MAX_TOP_K}, rerank=on or "
        f"off, or both with a comma between, such as {_EXAMPLE}; or it is {DEFAULT_VERSION}.",
        field="to",
        limit=f"{MIN_TOP_K}..{MAX_TOP_K}",
    )
