"""`/v1/prompts`: versions of prompts, labels of versions, and rendering without a call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response
from pydantic import JsonValue

from chalicelib.api.cursors import read_cursor, write_cursor
from chalicelib.api.http import (
    json_response,
    key_id_of,
    limit_of,
    parse_body,
    query_value,
    serve_operation,
    tenant_of,
)
from chalicelib.api.idempotency import run_once
from chalicelib.contracts.evaluations.suites import PutPromptSuiteRequest
from chalicelib.contracts.operations import CURSOR, Operation, limit_parameter
from chalicelib.contracts.prompts import (
    LABEL_PATTERN,
    LATEST,
    PROMPT_PATTERN,
    PromptList,
    PromptSuite,
    PromptVersion,
    PromptView,
    PutLabelRequest,
    RenderedPrompt,
    RenderRequest,
    SavedPrompt,
    SavePromptRequest,
    VersionList,
    VersionSummary,
)
from chalicelib.errors import Conflict, InvalidInput, NotFound, QuotaExceeded
from chalicelib.observability import logger
from chalicelib.prompts.library import PromptLibrary, labels_of, prompt_view

if TYPE_CHECKING:
    from chalicelib.api.idempotency import ResponseRecords
    from chalicelib.wiring.api import ApiParts

MAX_PROMPTS_A_PAGE = 100
MAX_LOOKED_AT = 1_000
"""Prompts that one page reads, removed ones included."""
MAX_VERSIONS_A_PAGE = 20
"""Versions of a page: their bodies are read too, each of up to 256 KB."""
CREATED = 201
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_PLACE = "/v1/prompts/{prompt}"


class TurnRenderer(Protocol):
    """Renders the calls that the turns of a version would make."""

    def __call__(
        self,
        version: PromptVersion,
        variables: Mapping[str, JsonValue],
        outputs: Mapping[str, str],
        fence: str,
    ) -> RenderedPrompt:
        """Return the calls; raise `InvalidInput`."""


@dataclass(frozen=True, slots=True)
class PromptServices:
    """The collaborators of the views of this module."""

    library: PromptLibrary
    preview: TurnRenderer
    fence: Callable[[], str]
    answers: ResponseRecords


def build_services(parts: ApiParts) -> PromptServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.generation.fences import random_fence
    from chalicelib.wiring.prompts import preview_prompt, prompt_library

    return PromptServices(
        library=prompt_library(parts.environ),
        preview=preview_prompt,
        fence=random_fence,
        answers=parts.records,
    )


def routes(services: Callable[[], PromptServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/prompts", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "prompts",
            {201: SavedPrompt},
            body=SavePromptRequest,
            once=True,
            errors=(Conflict, QuotaExceeded),
        ),
    )
    def save_prompt() -> Response:
        """Save a version of a prompt; where the newest says the same, that is the version."""
        request, deps = blueprint.current_request, services()
        body = parse_body(request, SavePromptRequest)
        tenant, save = tenant_of(request), deps.library.save
        return run_once(
            request, deps.answers, lambda: save(tenant, body.name, body.content()), CREATED
        )

    @blueprint.route("/v1/prompts", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "prompts", {200: PromptList}, query=(limit_parameter(MAX_PROMPTS_A_PAGE), CURSOR)
        ),
    )
    def list_prompts() -> Response:
        """List prompts by name, a page at a time.

        A page may hold fewer than `limit`, even none, and go on behind its cursor.
        """
        return json_response(_list(blueprint.current_request, services().library))

    @blueprint.route(_PLACE, methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("prompts", {200: PromptView}, errors=(NotFound,)))
    def get_prompt(prompt: str) -> Response:
        """Show a prompt: its newest version, and what its labels point to."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(prompt_view(services().library.head(tenant, _name(prompt))))

    @blueprint.route(_PLACE, methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("prompts", {204: None}, errors=(NotFound, Conflict)))
    def delete_prompt(prompt: str) -> Response:
        """Remove a prompt that has no labels, with all its versions."""
        services().library.remove(tenant_of(blueprint.current_request), _name(prompt))
        return Response(body="", status_code=204)

    @blueprint.route(_PLACE + "/render", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("prompts", {200: RenderedPrompt}, body=RenderRequest, errors=(NotFound,)),
    )
    def render_prompt(prompt: str) -> Response:
        """Show what each turn would send, and how many tokens that is; no model is asked."""
        request, deps = blueprint.current_request, services()
        body = parse_body(request, RenderRequest)
        version = deps.library.version(tenant_of(request), _name(prompt), body.version)
        return json_response(deps.preview(version, body.variables, body.outputs, deps.fence()))

    _version_routes(blueprint, services, authorizer)
    _label_routes(blueprint, services, authorizer)
    _suite_routes(blueprint, services, authorizer)
    return blueprint


def _version_routes(
    blueprint: Blueprint, services: Callable[[], PromptServices], authorizer: ChaliceAuthorizer
) -> None:
    @blueprint.route(_PLACE + "/versions", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "prompts",
            {200: VersionList},
            query=(limit_parameter(MAX_VERSIONS_A_PAGE), CURSOR),
            errors=(NotFound,),
        ),
    )
    def list_versions(prompt: str) -> Response:
        """List the versions of a prompt, newest first, a page at a time."""
        request = blueprint.current_request
        return json_response(_versions(request, _name(prompt), services().library))

    place = _PLACE + "/versions/{version}"

    @blueprint.route(place, methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("prompts", {200: PromptVersion}, errors=(NotFound,)))
    def get_version(prompt: str, version: str) -> Response:
        """Show a version, by its number, by a label or as `latest`."""
        tenant = tenant_of(blueprint.current_request)
        wanted = int(version) if _NUMBER.fullmatch(version) else _label(version, "version")
        return json_response(services().library.version(tenant, _name(prompt), wanted))

    @blueprint.route(place, methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("prompts", {204: None}, errors=(NotFound, Conflict)))
    def delete_version(prompt: str, version: str) -> Response:
        """Remove a version that no label points to, by its number."""
        if not _NUMBER.fullmatch(version):
            raise InvalidInput("A version is removed by its number.", field="version")
        tenant = tenant_of(blueprint.current_request)
        services().library.remove_version(tenant, _name(prompt), int(version))
        return Response(body="", status_code=204)


def _label_routes(
    blueprint: Blueprint, services: Callable[[], PromptServices], authorizer: ChaliceAuthorizer
) -> None:
    place = _PLACE + "/labels/{label}"

    @blueprint.route(place, methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "prompts",
            {200: PromptView},
            body=PutLabelRequest,
            errors=(NotFound, QuotaExceeded, Conflict),
        ),
    )
    def put_label(prompt: str, label: str) -> Response:
        """Let a label such as `production` point to a version.

        A version that has not passed the prompt's suite is refused, and the answer says which cases
        got worse; `override` moves the label all the same, which is recorded.
        """
        request = blueprint.current_request
        body = parse_body(request, PutLabelRequest)
        tenant, name = tenant_of(request), _name(prompt)
        view = services().library.point(
            tenant,
            name,
            _label(label, "label"),
            body.version,
            override=body.override or "",
            key=key_id_of(request),
        )
        if body.override:
            told = {"prompt": name, "label": label, "version": body.version, "why": body.override}
            logger("prompts").warning("a label was moved against its suite", extra=told)
        return json_response(view)

    @blueprint.route(place, methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("prompts", {204: None}, errors=(NotFound,)))
    def delete_label(prompt: str, label: str) -> Response:
        """Remove a label; the version that it points to stays."""
        tenant, name = tenant_of(blueprint.current_request), _name(prompt)
        services().library.unpoint(tenant, name, _label(label, "label"))
        return Response(body="", status_code=204)


def _suite_routes(
    blueprint: Blueprint, services: Callable[[], PromptServices], authorizer: ChaliceAuthorizer
) -> None:
    place = _PLACE + "/suite"

    @blueprint.route(place, methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("prompts", {200: PromptView}, body=PutPromptSuiteRequest, errors=(NotFound,)),
    )
    def put_suite(prompt: str) -> Response:
        """Have a suite guard labels of a prompt: a version is labelled once it has passed.

        Of the suite its name and its hash are kept, not the cases.
        """
        from chalicelib.evaluation.suites import check_graders, suite_digest

        request = blueprint.current_request
        body = parse_body(request, PutPromptSuiteRequest)
        check_graders(body.suite)
        suite = PromptSuite(
            name=body.suite.name, sha256=suite_digest(body.suite), labels=body.labels
        )
        return json_response(services().library.guard(tenant_of(request), _name(prompt), suite))

    @blueprint.route(place, methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("prompts", {204: None}, errors=(NotFound,)))
    def delete_suite(prompt: str) -> Response:
        """Remove the suite of a prompt, which is recorded: its labels are moved freely again."""
        request = blueprint.current_request
        services().library.unguard(tenant_of(request), _name(prompt), key_id_of(request))
        return Response(body="", status_code=204)


def _list(request: Request, library: PromptLibrary) -> PromptList:
    limit, cursor = limit_of(request, MAX_PROMPTS_A_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, {}, PROMPT_PATTERN) if cursor is not None else ""
    items: list[PromptView] = []
    for looked_at, head in enumerate(library.records.heads(tenant_of(request), after)):
        if len(items) == limit or looked_at == MAX_LOOKED_AT:
            return PromptList(items=tuple(items), next_cursor=write_cursor(after, {}))
        after = head.name
        if head.latest:
            items.append(prompt_view(head))
    return PromptList(items=tuple(items), next_cursor=None)


def _versions(request: Request, name: str, library: PromptLibrary) -> VersionList:
    tenant, asked = tenant_of(request), {"prompt": name}
    limit, cursor = limit_of(request, MAX_VERSIONS_A_PAGE), query_value(request, "cursor")
    before = int(read_cursor(cursor, asked, _NUMBER.pattern)) if cursor is not None else 0
    head = library.head(tenant, name)
    items: list[VersionSummary] = []
    for kept in library.records.versions(tenant, name, before):
        if len(items) == limit:
            next_cursor = write_cursor(str(items[-1].version), asked)
            return VersionList(items=tuple(items), next_cursor=next_cursor)
        items.append(
            VersionSummary(
                name=name,
                version=kept.number,
                sha256=kept.sha256,
                bytes=kept.size,
                labels=labels_of(head, kept.number),
                created_at=kept.created_at,
            )
        )
    return VersionList(items=tuple(items), next_cursor=None)


def _name(name: str) -> str:
    """Return what a prompt can be called; others are none. Raises `InvalidInput`."""
    if not re.fullmatch(PROMPT_PATTERN, name):
        raise InvalidInput(
            "A prompt's name has 1 to 63 lower-case letters, digits, '-' and '_', and begins with "
            "a letter or a digit.",
            field="prompt",
            limit="63",
        )
    return name


def _label(label: str, field: str) -> str:
    if not re.fullmatch(LABEL_PATTERN, label):
        raise InvalidInput(
            "A label has 1 to 63 lower-case letters, digits, '-' and '_', and begins with a "
            f"letter; {LATEST} is always there.",
            field=field,
            limit="63",
        )
    return label
