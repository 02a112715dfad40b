"""`/v1/extractors`: schemas that are saved under a name, in versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.cursors import read_cursor, write_cursor
from chalicelib.api.http import (
    json_response,
    limit_of,
    parse_body,
    query_number,
    query_value,
    serve_operation,
    tenant_of,
    utcnow,
)
from chalicelib.api.idempotency import run_once
from chalicelib.contracts.calibrations import CalibrationAttempt, ExtractorCalibration
from chalicelib.contracts.extraction_models import NO_MODEL, ModelInput
from chalicelib.contracts.extraction_orders import (
    EXTRACTOR_PATTERN,
    MAX_VERSIONS,
    CreateExtractorRequest,
    Extractor,
    ExtractorList,
    ExtractorVersion,
    PutExtractorRequest,
)
from chalicelib.contracts.operations import CURSOR, Operation, Parameter, limit_parameter
from chalicelib.errors import Conflict, NotFound, QuotaExceeded
from chalicelib.generation.models import AUTO
from chalicelib.labelling.calibrations import Calibrations
from chalicelib.labelling.extraction_library import ExtractionLibrary
from chalicelib.labelling.extractors import ExtractorLibrary

if TYPE_CHECKING:
    from chalicelib.api.idempotency import ResponseRecords
    from chalicelib.generation.models import ServedModels
    from chalicelib.wiring.api import ApiParts

CREATED = 201
MAX_PAGE = 100
_EXTRACTOR = "/v1/extractors/{extractor}"
_CALIBRATION = _EXTRACTOR + "/calibration"
_VERSION = Parameter(
    "version",
    "The number of a version; the newest, if it is left out.",
    {"type": "integer", "minimum": 1, "maximum": MAX_VERSIONS},
)


@dataclass(frozen=True, slots=True)
class ExtractorServices:
    """The collaborators of the views of this module."""

    library: ExtractorLibrary
    answers: ResponseRecords
    calibrations: Calibrations
    models: Callable[[], ServedModels]
    """Returns the models of the stage."""


def build_services(parts: ApiParts) -> ExtractorServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.functions import ExtractFunction
    from chalicelib.adapters.records.calibrations import CalibrationTable
    from chalicelib.adapters.records.extractions import ExtractionTable
    from chalicelib.adapters.records.extractors import ExtractorTable
    from chalicelib.wiring.models import stage_models

    read_models = stage_models(parts.environ)
    extractors = ExtractorTable(parts.table)
    extractions = ExtractionLibrary(
        ExtractionTable(parts.table), parts.batch_objects, parts.settings.bucket
    )
    return ExtractorServices(
        ExtractorLibrary(extractors, utcnow),
        parts.records,
        Calibrations(
            CalibrationTable(parts.table),
            extractors,
            extractions,
            utcnow,
            lambda: ExtractFunction(aws.renderings(), parts.settings.extract_function),
        ),
        lambda: read_models().models,
    )


def routes(services: Callable[[], ExtractorServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/extractors", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "extractions",
            {CREATED: ExtractorVersion},
            body=CreateExtractorRequest,
            once=True,
            errors=(NotFound, Conflict),
        ),
    )
    def create_extractor() -> Response:
        """Save a schema under a name, as version 1."""
        request, deps = blueprint.current_request, services()
        body, tenant = parse_body(request, CreateExtractorRequest), tenant_of(request)
        check_model(body, deps.models)

        def create() -> ExtractorVersion:
            schema, model = dict(body.json_schema), body.model_terms()
            return deps.library.create(tenant, body.name, schema, body.description, model)

        return run_once(request, deps.answers, create, CREATED)

    @blueprint.route("/v1/extractors", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("extractions", {200: ExtractorList}, query=(limit_parameter(MAX_PAGE), CURSOR)),
    )
    def list_extractors() -> Response:
        """List saved extractors by name, a page at a time."""
        return json_response(_list(blueprint.current_request, services().library))

    @blueprint.route(_EXTRACTOR, methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("extractions", {200: ExtractorVersion}, query=(_VERSION,), errors=(NotFound,)),
    )
    def get_extractor(extractor: str) -> Response:
        """Show a saved extractor with the schema of its newest version, or of another."""
        request = blueprint.current_request
        return json_response(
            services().library.version(
                tenant_of(request), _name(extractor), query_number(request, "version", MAX_VERSIONS)
            )
        )

    @blueprint.route(_EXTRACTOR, methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "extractions",
            {200: ExtractorVersion},
            body=PutExtractorRequest,
            errors=(NotFound, Conflict, QuotaExceeded),
        ),
    )
    def put_extractor(extractor: str) -> Response:
        """Save the next version of an extractor; what is the same as the newest adds none."""
        request = blueprint.current_request
        body, tenant = parse_body(request, PutExtractorRequest), tenant_of(request)
        name, deps = _name(extractor), services()
        check_model(body, deps.models)
        schema, model = dict(body.json_schema), body.model_terms()
        return json_response(deps.library.put(tenant, name, schema, body.description, model))

    @blueprint.route(_EXTRACTOR, methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("extractions", {204: None}, errors=(NotFound,)))
    def delete_extractor(extractor: str) -> Response:
        """Remove an extractor with all its versions; what was extracted by it stays."""
        tenant, deps = tenant_of(blueprint.current_request), services()
        deps.library.remove(tenant, _name(extractor))
        # Another extractor of this name is not to begin with what this one's reviews taught.
        deps.calibrations.records.retire(tenant, extractor)
        return Response(body="", status_code=204)

    @blueprint.route(_CALIBRATION, methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("extractions", {200: CalibrationAttempt}, errors=(NotFound, Conflict)),
    )
    def calibrate_extractor(extractor: str) -> Response:
        """Learn from reviews what documents call the fields, and how sure values are.

        Labels that stand beside reviewed values become names of their fields, and confidences are
        mapped. Each is used from now on only if it is better on
        documents that it was not learned from.
        """
        tenant = tenant_of(blueprint.current_request)
        return json_response(services().calibrations.calibrate(tenant, _name(extractor)))

    @blueprint.route(_CALIBRATION, methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint, Operation("extractions", {200: ExtractorCalibration}, errors=(NotFound,))
    )
    def get_calibration(extractor: str) -> Response:
        """Show the calibration that an extractor's extractions use."""
        tenant = tenant_of(blueprint.current_request)
        return json_response(services().calibrations.newest(tenant, _name(extractor)))

    @blueprint.route(_CALIBRATION, methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("extractions", {204: None}, errors=(NotFound,)))
    def retire_calibration(extractor: str) -> Response:
        """Have an extractor read without what reviews taught; what was extracted stays."""
        services().calibrations.retire(tenant_of(blueprint.current_request), _name(extractor))
        return Response(body="", status_code=204)

    return blueprint


def check_model(body: ModelInput, models: Callable[[], ServedModels]) -> None:
    """Raise `NotFound` if a request names a model that is not served."""
    if body.model not in (None, AUTO, NO_MODEL):
        models().model(body.model)


def _list(request: Request, library: ExtractorLibrary) -> ExtractorList:
    limit, cursor = limit_of(request, MAX_PAGE), query_value(request, "cursor")
    after = read_cursor(cursor, {}, EXTRACTOR_PATTERN) if cursor is not None else ""
    items: list[Extractor] = []
    for head in library.records.heads(tenant_of(request), after):
        if len(items) == limit:
            cursor = write_cursor(items[-1].name, {})
            return ExtractorList(items=tuple(items), next_cursor=cursor)
        items.append(head)
    return ExtractorList(items=tuple(items), next_cursor=None)


def _name(name: str) -> str:
    """Return what can be the name of an extractor; raise `NotFound`."""
    if not re.fullmatch(EXTRACTOR_PATTERN, name):
        raise NotFound(
            "There is no such extractor; GET /v1/extractors lists them.", field="extractor"
        )
    return name
