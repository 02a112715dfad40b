"""`POST /v1/generations`: one call of a model, with the attempts and their cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.http import key_id_of, parse_body, request_id_of, serve_operation, tenant_of
from chalicelib.api.idempotency import run_paid_once
from chalicelib.api.limits import call_limits
from chalicelib.budgets.spender import Spender
from chalicelib.captures.recorder import NoCapture
from chalicelib.contracts.generation_requests import CreateGenerationRequest
from chalicelib.contracts.generations import Generation
from chalicelib.contracts.operations import Operation
from chalicelib.errors import Conflict, ModelFailure, NotFound, QuotaExceeded, Unsupported
from chalicelib.observability import spent
from chalicelib.rollouts.arms import ReadTraffic, no_traffic

if TYPE_CHECKING:
    from chalicelib.api.idempotency import PaidResponseRecords
    from chalicelib.captures.recorder import CallCapture
    from chalicelib.generation.executor import Generator
    from chalicelib.wiring.api import ApiParts


@dataclass(frozen=True, slots=True)
class GenerationServices:
    """The collaborators of the view of this module."""

    generator: Callable[[], Generator]
    answers: PaidResponseRecords
    recorder: Callable[[], CallCapture] = NoCapture
    traffic: ReadTraffic = no_traffic


def build_services(parts: ApiParts) -> GenerationServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.wiring.captures import call_recorder
    from chalicelib.wiring.rollouts import live_traffic

    return GenerationServices(
        generator=parts.generator,
        answers=parts.paid_answers,
        recorder=lambda: call_recorder(parts.environ),
        traffic=lambda tenant: live_traffic(parts.environ)(tenant),
    )


def routes(services: Callable[[], GenerationServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/generations", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "generations",
            {200: Generation},
            body=CreateGenerationRequest,
            once=True,
            errors=(NotFound, Conflict, QuotaExceeded, Unsupported, ModelFailure),
        ),
    )
    def create_generation() -> Response:
        """Have a model write, draw or embed, the cheapest first that suffices."""
        request, deps = blueprint.current_request, services()
        body = parse_body(request, CreateGenerationRequest)
        return run_paid_once(request, deps.answers, lambda: _generate(request, body, deps))

    return blueprint


def _generate(
    request: Request, body: CreateGenerationRequest, deps: GenerationServices
) -> Generation:
    from chalicelib.generation.requests import (
        call_from_request,
        require_complete,
        terms_from_request,
    )
    from chalicelib.rollouts.models import DividedGenerator

    spender = Spender(
        tenant_of(request),
        key=key_id_of(request),
        correlation_id=request_id_of(request),
        end_user=body.end_user,
    )
    generator = deps.generator()
    clock = generator.deps.monotonic
    divided = DividedGenerator(generator, deps.traffic, deps.recorder(), clock)
    generation = divided.generate(
        call_from_request(body),
        terms_from_request(body),
        spender,
        limits=call_limits(request, clock()),
    )
    spent(generation.receipt)
    require_complete(generation, body)
    return generation
