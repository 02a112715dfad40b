"""The error of a template that cannot be applied."""

from __future__ import annotations


class TemplateError(Exception):
    """A template that cannot be applied; worded as CloudFormation's ValidationError.

    `message` is the reason alone, the text of the exception has the error code in front of it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(f"ValidationError: {message}")
        self.message = message
