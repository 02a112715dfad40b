"""The prompt of a run: its version, looked up once, and the line that each document becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.contracts.base import Contract
from chalicelib.contracts.prompts import AnyJson, DocumentVariable, PromptVersion, StringVariable
from chalicelib.errors import InvalidInput, NotFound, Unsupported

if TYPE_CHECKING:
    from chalicelib.contracts.schedules import PromptUse

LookUp = Callable[[str, str, str | int], PromptVersion]
"""Returns the version of a tenant's prompt by a number, a label or `latest`; raises `NotFound`."""

FIELD = "work.prompt"


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
    content = version.content
    if len(content.turns) > 1 or content.verifier is not None:
        raise Unsupported(
            f"The prompt {use.name} takes more than one call; a schedule puts one of a single turn"
            " and without a verifier to each document.",
            field=f"{FIELD}.name",
        )
    document = _document_variable(use, version)
    _check_variables(use, version, document)
    return PinnedUse(
        name=use.name,
        version=version.version,
        document=document,
        variables=use.variables,
        size=version.bytes,
        has_schema=content.output_schema is not None,
    )


def _document_variable(use: PromptUse, version: PromptVersion) -> str:
    declared = version.content.variables
    if use.document is not None:
        if isinstance(declared.get(use.document), DocumentVariable | StringVariable):
            return use.document
        raise InvalidInput(
            f"The prompt {use.name} has no variable {use.document!r} of type document or string.",
            field=f"{FIELD}.document",
        )
    names = [name for name, each in declared.items() if isinstance(each, DocumentVariable)]
    if len(names) != 1:
        raise InvalidInput(
            f"The prompt {use.name} has {len(names)} variables of type document; say in"
            f" {FIELD}.document which takes the text of a document.",
            field=f"{FIELD}.document",
        )
    return names[0]


def _check_variables(use: PromptUse, version: PromptVersion, document: str) -> None:
    """Raise `InvalidInput` unless the other variables have values that the prompt takes."""
    from chalicelib.prompts.variables import check_values

    if document in use.variables:
        raise InvalidInput(
            f"The variable {document} takes the text of a document; give it no value.",
            field=f"{FIELD}.variables.{document}",
        )
    others = {name: each for name, each in version.content.variables.items() if name != document}
    check_values(others, use.variables, f"{FIELD}.variables")
