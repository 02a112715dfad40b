"""The prompts of a suite's targets, as they are when an evaluation begins. Loads no Jinja."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.contracts.evaluations.jobs import PinnedTarget
from chalicelib.contracts.evaluations.suites import InlinePromptTarget, PromptTarget
from chalicelib.contracts.prompts import PromptVersion
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.prompts.library import canonical_json

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.suites import Suite
    from chalicelib.contracts.prompts import PromptContent

FindVersion = Callable[[str, str | int], PromptVersion]
"""Returns the version of a prompt by a number, a label or `latest`; raises `NotFound`."""


def pin_targets(
    suite: Suite, find: FindVersion, check: Callable[[PromptContent], None]
) -> tuple[PinnedTarget, ...]:
    """Return the prompts of a suite's targets, as they are now.

    Raises:
        NotFound: there is no such prompt or version.
        InvalidInput: a prompt of the suite is not valid.
        Unsupported: a prompt draws pictures, which no grader reads.
    """
    pinned = []
    for target in suite.targets:
        if isinstance(target, PromptTarget):
            version = find(target.prompt, target.version)
            pinned.append(
                PinnedTarget(
                    target=target.name,
                    prompt=target.prompt,
                    version=version.version,
                    sha256=version.sha256,
                    content=version.content,
                )
            )
        elif isinstance(target, InlinePromptTarget):
            _check_inline(target, check)
            digest = hashlib.sha256(canonical_json(target.content).encode()).hexdigest()
            pinned.append(
                PinnedTarget(
                    target=target.name,
                    prompt=target.name,
                    version=0,
                    sha256=digest,
                    content=target.content,
                )
            )
    for each in pinned:
        if each.content.image is not None:
            raise Unsupported(
                f"target {each.target}: the prompt draws pictures, and graders read text.",
                field="targets",
            )
    return tuple(pinned)


def _check_inline(target: InlinePromptTarget, check: Callable[[PromptContent], None]) -> None:
    try:
        check(target.content)
    except InvalidInput as error:
        raise InvalidInput(
            f"target {target.name}: {error.message}", field=error.field, limit=error.limit
        ) from error
