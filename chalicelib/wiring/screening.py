"""The composition root of screening: of what holds calls to policies, and of the screens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chalicelib.settings import GuardrailSettings, ScreeningSettings

if TYPE_CHECKING:
    from chalicelib.errors import HeadraceError
    from chalicelib.generation.dependencies import RequestScreen
    from chalicelib.screening.answer_checks import ModerationJudge
    from chalicelib.screening.screener import ContentScreens, PolicyRecords, Screener


def screener(environ: Mapping[str, str], believed_seconds: float = 0.0) -> RequestScreen:
    """Return what holds the calls of the stage that `environ` describes to their policies, each of
    which is believed for so many seconds, and to the stage's guardrail where it has one.
    """
    held = _policies_held(environ, believed_seconds)
    settings = GuardrailSettings.from_environ(environ)
    if not settings.guardrail_id:
        return held
    from chalicelib.adapters import aws
    from chalicelib.adapters.guardrails import BedrockGuardrail
    from chalicelib.screening.guardrails import GuardrailScreen

    guardrail = BedrockGuardrail(
        aws.guardrails(), settings.guardrail_id, settings.guardrail_version
    )
    return GuardrailScreen(guardrail, held)


def _policies_held(environ: Mapping[str, str], believed_seconds: float) -> Screener:
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.screening import CachedPolicies, ScreeningTable
    from chalicelib.screening.policies import stage_policy
    from chalicelib.screening.screener import Screener

    settings = ScreeningSettings.from_environ(environ)
    records = ScreeningTable(DynamoTable(aws.dynamodb(), settings.records_table))
    policies: PolicyRecords = records
    if believed_seconds:
        policies = CachedPolicies(records, time.monotonic, believed_seconds)
    return Screener(stage_policy(settings.screening), policies, _screens(settings))


def screening_digest(environ: Mapping[str, str], tenant: str) -> str:
    """Return a hash of what calls and answers of a tenant are held to, as it is now."""
    from chalicelib.screening.policies import policy_digest

    guardrail = GuardrailSettings.from_environ(environ)
    return policy_digest(
        _policies_held(environ, 0.0).policy_of(tenant),
        guardrail.guardrail_id,
        guardrail.guardrail_version,
    )


def judge(environ: Mapping[str, str], log: Callable[[HeadraceError], None]) -> ModerationJudge:
    """Return what answers the check `moderated`; `log` hears why it could not."""
    from chalicelib.screening.answer_checks import ModerationJudge

    return ModerationJudge(_screens(ScreeningSettings.from_environ(environ)), log)


def screens(environ: Mapping[str, str]) -> ContentScreens:
    """Return the screens of the stage that `environ` describes, whatever its policies."""
    return _screens(ScreeningSettings.from_environ(environ))


def _screens(settings: ScreeningSettings) -> ContentScreens:
    from chalicelib.adapters import aws
    from chalicelib.adapters.screening_functions import ScreenImageFunction, ScreenTextFunction
    from chalicelib.screening.screener import ContentScreens

    functions = aws.functions()
    return ContentScreens(
        ScreenTextFunction(functions, settings.screen_text_function),
        ScreenImageFunction(functions, settings.screen_image_function),
    )
