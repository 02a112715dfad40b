"""The commands that messages name: whole, so that they reach the account and region that this one
did wherever they are typed.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Commands:
    """Writes commands for one region, with the credentials of one profile if one was given."""

    region: str = ""
    profile: str | None = None

    @property
    def suffix(self) -> str:
        """Return the options that say where: a blank and each, or nothing."""
        options = (("--region", self.region), ("--profile", self.profile))
        return "".join(f" {name} {shlex.quote(value)}" for name, value in options if value)

    def aws(self, command: str) -> str:
        """Return a command of the AWS CLI, such as `logs tail NAME`."""
        return f"aws {command}{self.suffix}"

    def headrace(self, command: str) -> str:
        """Return a command of an operator, such as `destroy --stage dev`."""
        return f"headrace {command}{self.suffix}"

    def tenant(self, stage: str, tenant: str) -> str:
        """Return the command that gives a tenant another key."""
        return f"python -m infra.tenants --stage {stage} {tenant}{self.suffix}"

    def package(self, stage: str, *options: str) -> str:
        """Return the command that makes a package, which needs no credentials."""
        return " ".join(["headrace package --stage", stage, *options, *self._in_region()])

    def _in_region(self) -> list[str]:
        return ["--region", self.region] if self.region else []
