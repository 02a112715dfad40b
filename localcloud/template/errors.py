"""What is wrong with a template."""

from __future__ import annotations

from localcloud.errors import AwsError


class TemplateError(AwsError):
    """A template that cannot be applied; worded as CloudFormation's ValidationError."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationError", message, 400)
