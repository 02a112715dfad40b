"""`DELETE /v1/tenant` and `DELETE /v1/collections/{name}/documents`: removals that take a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import answering, json_response, parse_body, tenant_of
from chalicelib.api.jobs import ACCEPTED, JobServices, asked, told
from chalicelib.contracts.jobs import RemoveTenantRequest
from chalicelib.errors import InvalidInput
from chalicelib.ports import TenantStates
from chalicelib.retrieval.ids import check_collection


@dataclass(frozen=True, slots=True)
class RemovalServices:
    """What the views of this module stand on."""

    jobs: JobServices
    tenants: TenantStates


def routes(services: Callable[[], RemovalServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the blueprint; `services` is asked for when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/tenant", methods=["DELETE"], authorizer=authorizer)
    @answering(blueprint)
    def remove_tenant() -> Response:
        request, deps = blueprint.current_request, services()
        body, tenant = parse_body(request, RemoveTenantRequest), tenant_of(request)
        if body.tenant != tenant:
            raise InvalidInput(
                "tenant has to repeat the name of the tenant that this key acts for.",
                field="tenant",
            )
        state = deps.tenants.tenant_state(tenant)
        running = deps.jobs.records.state(tenant, state.removing) if state else None
        if running is not None and running.job.status == "failed":
            return json_response(told(deps.jobs.launcher.retry(running)), ACCEPTED)
        if running is not None:
            return json_response(told(running.job), ACCEPTED)
        given = asked(request, deps.jobs, "remove_tenant")
        return json_response(told(deps.jobs.launcher.launch(given)), ACCEPTED)

    @blueprint.route("/v1/collections/{name}/documents", methods=["DELETE"], authorizer=authorizer)
    @answering(blueprint)
    def remove_documents(name: str) -> Response:
        request, deps = blueprint.current_request, services()
        check_collection(name)
        given = asked(request, deps.jobs, "remove_collection", collection=name)
        return json_response(told(deps.jobs.launcher.launch(given)), ACCEPTED)

    return blueprint
