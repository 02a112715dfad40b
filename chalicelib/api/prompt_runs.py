"""`POST /v1/prompts/{prompt}/runs`: running a stored prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.http import (
    key_id_of,
    parse_body,
    request_id_of,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.idempotency import run_paid_once
from chalicelib.api.limits import call_limits
from chalicelib.budgets.spender import Spender
from chalicelib.captures.recorder import NoCapture
from chalicelib.contracts.operations import Operation
from chalicelib.contracts.prompt_runs import PromptRun, RunPromptRequest
from chalicelib.errors import Conflict, ModelFailure, NotFound, QuotaExceeded, Unsupported
from chalicelib.observability import spent
from chalicelib.rollouts.arms import ReadTraffic, no_traffic

if TYPE_CHECKING:
    from chalicelib.api.idempotency import PaidResponseRecords
    from chalicelib.captures.recorder import CallCapture
    from chalicelib.prompts.library import PromptLibrary
    from chalicelib.prompts.runs import PromptRunner
    from chalicelib.wiring.api import ApiParts


@dataclass(frozen=True, slots=True)
class PromptRunServices:
    """The collaborators of the view of this module."""

    library: Callable[[], PromptLibrary]
    runner: Callable[[], PromptRunner]
    answers: PaidResponseRecords
    recorder: Callable[[], CallCapture] = NoCapture
    traffic: ReadTraffic = no_traffic


def build_services(parts: ApiParts) -> PromptRunServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.wiring.captures import call_recorder
    from chalicelib.wiring.prompts import prompt_library
    from chalicelib.wiring.rollouts import live_traffic

    def runner() -> PromptRunner:
        from chalicelib.generation.fences import random_fence
        from chalicelib.jobs.ulids import ulid
        from chalicelib.prompts.runs import PromptRunner

        return PromptRunner(
            parts.generator(), random_fence, utcnow, lambda: f"run_{ulid(utcnow()).lower()}"
        )

    return PromptRunServices(
        library=lambda: prompt_library(parts.environ),
        runner=runner,
        answers=parts.paid_answers,
        recorder=lambda: call_recorder(parts.environ),
        traffic=lambda tenant: live_traffic(parts.environ)(tenant),
    )


def routes(services: Callable[[], PromptRunServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/prompts/{prompt}/runs", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "prompts",
            {200: PromptRun},
            body=RunPromptRequest,
            once=True,
            errors=(NotFound, Conflict, QuotaExceeded, Unsupported, ModelFailure),
        ),
    )
    def run_prompt(prompt: str) -> Response:
        """Run a prompt, turn after turn, by the cheapest models that suffice."""
        request, deps = blueprint.current_request, services()
        body = parse_body(request, RunPromptRequest)
        spender = Spender(
            tenant_of(request),
            key=key_id_of(request),
            correlation_id=request_id_of(request),
            end_user=body.end_user,
        )
        run = partial(_run, request, prompt, body, spender, deps)
        return run_paid_once(request, deps.answers, run)

    return blueprint


def _run(
    request: Request,
    prompt: str,
    body: RunPromptRequest,
    spender: Spender,
    deps: PromptRunServices,
) -> PromptRun:
    from chalicelib.captures.prompt_runs import RecordedRun
    from chalicelib.rollouts.prompts import assign_prompt

    traffic = deps.traffic(spender.tenant)
    version, arm = assign_prompt(deps.library(), traffic, spender, prompt, body.version)
    runner = deps.runner()
    within = call_limits(request, runner.clock())
    recorded = RecordedRun(deps.recorder(), version, body, spender, runner.clock, arm.captured)
    run = recorded.run(lambda: runner.run(version, body, spender, within))
    spent(run.receipt)
    return run.model_copy(update={"receipt": arm.mark(run.receipt)})
