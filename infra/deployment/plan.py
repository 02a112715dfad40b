"""Plan of a deployment: the package, the target, and the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import TemplateScope
from infra.deployment.account import Account, Commands, stack_name
from infra.deployment.concurrency import concurrency_parameters
from infra.deployment.package import StagePackage
from infra.deployment.resource_names import template_scope
from infra.deployment.stack import Stack

COMPONENT_TAG = "headrace:component"
STAGE_TAG = "headrace:stage"


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """A package for a stage of an account, and the stack that exists already."""

    stage: str
    package: StagePackage
    account: Account
    stack: Stack | None
    given: Mapping[str, str]
    executions: int | None = None
    """The number of functions that the account runs at once, None if it could not be read."""

    @property
    def stack_name(self) -> str:
        """Return the name of the stage's stack."""
        return stack_name(self.stage)

    @property
    def commands(self) -> Commands:
        """Return the builder of commands that reach this stage."""
        return self.account.commands

    @property
    def creates(self) -> bool:
        """Return whether the stage has no stack yet."""
        return self.stack is None or self.stack.is_review

    @property
    def parameters(self) -> dict[str, str]:
        """Return the parameters that this deployment sets: those given, and those it derives.

        The limits of concurrency are derived when the stage is made; later they are the operator's.
        """
        limits = self.limits if self.creates else {}
        return {**limits, **self.given, **self.package.own_parameters(self.account)}

    @property
    def limits(self) -> dict[str, str]:
        """Return the limits of concurrency for the account, where the template's do not fit it."""
        if self.executions is None:
            return {}
        declared = self.package.template.get("Parameters", {})
        return {
            name: value
            for name, value in concurrency_parameters(self.executions).items()
            if name in declared and str(declared[name].get("Default")) != value
        }

    @property
    def kept(self) -> list[str]:
        """Return the parameters that keep their current values.

        A new template's defaults must not undo what an earlier deployment set.
        """
        if self.stack is None or self.creates:
            return []
        declared = self.package.template.get("Parameters", {})
        return sorted(set(declared) & set(self.stack.parameters) - set(self.parameters))

    @property
    def effective(self) -> dict[str, str]:
        """Return every parameter that differs from the template's default."""
        current = {name: self.stack.parameters[name] for name in self.kept} if self.stack else {}
        return {**current, **self.parameters}

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of the stack; CloudFormation passes them to its resources."""
        return {STAGE_TAG: self.stage, COMPONENT_TAG: "headrace"}

    @property
    def is_sound(self) -> bool:
        """Return whether the template accepts the parameters."""
        try:
            self.scope()
        except TemplateError:
            return False
        return True

    def scope(self) -> TemplateScope:
        """Return the resolver of the template's expressions; raises TemplateError."""
        return template_scope(self.package.template, self.effective, self.account)
