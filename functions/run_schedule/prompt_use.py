"""The prompt of a run: its version, looked up once, and the line that each document becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.contracts.base import AnyJson, Contract
from chalicelib.contracts.prompts import PromptVersion
from chalicelib.errors import NotFound
from chalicelib.schedules.prompts import FIELD, document_variable

if TYPE_CHECKING:
    from chalicelib.contracts.schedules import PromptUse

LookUp = Callable[[str, str, str | int], PromptVersion]
"""Returns the version of a tenant's prompt by a number, a label or `latest`; raises `NotFound`."""


class PinnedUse(Contract):
    """A version of a prompt, and the variable that takes the text of a document.

    `size` is the number of bytes of the version, which each line comes to beside its text.
    `has_schema` says that answers are JSON.
    """

    name: str
    version: int
    document: str
    variables: dict[str, AnyJson]
    size: int
    has_schema: bool

    def line(self, document_id: str, text: str) -> bytes:
        """Return the line of a batch that puts the prompt to a document."""
        prompt = {
            "name": self.name,
            "version": self.version,
            "variables": {**self.variables, self.document: text},
        }
        line = {"id": document_id, "prompt": prompt}
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def pin_prompt(look_up: LookUp, tenant: str, use: PromptUse) -> PinnedUse:
    """Return the version that a run uses, which later moves of a label do not change.

    Raises:
        NotFound: the prompt or the version was removed since the schedule was made.
        InvalidInput: the prompt has no such variable, or takes others.
        Unsupported: the prompt takes more than one call.
    """
    try:
        version = look_up(tenant, use.name, use.version)
    except NotFound as error:
        raise NotFound(
            f"The schedule puts the prompt {use.name}, version {use.version}, to documents."
            f" {error.message} Save it again, or name another in the schedule.",
            field=f"{FIELD}.name",
        ) from error
    return PinnedUse(
        name=use.name,
        version=version.version,
        document=document_variable(use, version),
        variables=use.variables,
        size=version.bytes,
        has_schema=version.content.output_schema is not None,
    )
