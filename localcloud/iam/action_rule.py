"""The form of a rule: what an operation requires, in which case, and where AWS says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from localcloud.iam.resources import AccountResources, Params, RequiredPermission


@dataclass(frozen=True, slots=True)
class ActionRule:
    """The permissions that an operation requires instead of the action of its own name.

    Attributes:
        permissions: derives them from the call's parameters and the account's resources.
        when: the rule in words, for the documentation.
        source: the address of AWS's page.
    """

    permissions: Callable[[Params, AccountResources], Iterable[RequiredPermission]]
    when: str
    source: str
