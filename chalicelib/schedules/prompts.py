"""Prompts that schedules put to documents: whether a version can be, and by which variable.

The API asks when a schedule is made, and each run asks again of the version that it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.prompts import DocumentVariable, PromptVersion, StringVariable
from chalicelib.errors import InvalidInput, Unsupported

if TYPE_CHECKING:
    from chalicelib.contracts.schedules import PromptUse

FIELD = "work.prompt"


def document_variable(use: PromptUse, version: PromptVersion) -> str:
    """Return the variable of `version` that takes the text of a document.

    Raises:
        InvalidInput: it is not clear which, or the other variables take other values.
        Unsupported: the prompt takes more than one call.
    """
    content = version.content
    if len(content.turns) > 1 or content.verifier is not None:
        raise Unsupported(
            f"The prompt {use.name} takes more than one call; a schedule puts one of a single turn"
            " and without a verifier to each document.",
            field=f"{FIELD}.name",
        )
    document = _named_variable(use, version)
    _check_variables(use, version, document)
    return document


def _named_variable(use: PromptUse, version: PromptVersion) -> str:
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
