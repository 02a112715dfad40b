"""`/v1/extractions`: values that are read from documents by a JSON Schema, with their evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api import jobs
from chalicelib.api.cursors import (
    read_offset,
    write_offset,
)
from chalicelib.api.documents import DocumentLookup, existing_document
from chalicelib.api.extraction_queries import LISTING, list_page
from chalicelib.api.extractors import check_model
from chalicelib.api.http import (
    json_response,
    key_id_of,
    limit_of,
    parse_body,
    query_value,
    request_id_of,
    serve_operation,
    tenant_of,
)
from chalicelib.api.idempotency import run_once, run_paid_once
from chalicelib.api.jobs import ACCEPTED, RESULT_SECONDS, JobServices, new_job_input
from chalicelib.contracts.extraction_orders import (
    MAX_DIRECT_FIELDS,
    MAX_DIRECT_PAGES,
    CreateExtractionRequest,
    ExtractionInput,
    ExtractionTerms,
)
from chalicelib.contracts.extractions import (
    ExtractedField,
    ExtractedFieldList,
    ExtractionFile,
    ExtractionList,
    ExtractionView,
)
from chalicelib.contracts.functions.extract_fields import ExtractDocumentRequest
from chalicelib.contracts.jobs import Job
from chalicelib.contracts.operations import CURSOR, Operation, Parameter, limit_parameter
from chalicelib.errors import Conflict, InvalidInput, NotFound, Unsupported
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.storage import (
    FIELDS,
    FIELDS_TABLE,
    ROWS_TABLE,
    TERMS,
    extraction_id,
)
from chalicelib.jobs.lifecycle import new_job
from chalicelib.labelling.extraction_library import ExtractionLibrary
from chalicelib.labelling.extractor_terms import referenced_terms
from chalicelib.labelling.extractors import ExtractorLibrary, inline_terms

if TYPE_CHECKING:
    from chalicelib.api.idempotency import PaidResponseRecords
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.functions.extract_fields import ExtractDocumentResult
    from chalicelib.generation.models import ServedModels
    from chalicelib.wiring.api import ApiParts

MAX_FIELDS_A_PAGE = 1_000
DIRECT_MODEL_SECONDS = 9.0
"""Seconds in which language models may be asked while a request waits, after up to 13 of reading:
the client of the function waits for 25."""
FILES = {"jsonl": FIELDS, "csv": FIELDS_TABLE, "rows": ROWS_TABLE}
_EXTRACTION = "/v1/extractions/{extraction_id}"
_FORMAT = Parameter(
    "format",
    "`jsonl` is a field a line with its boxes, `csv` the same as a table, `rows` the values as a"
    " table with a row for each item of a list.",
    {"type": "string", "enum": list(FILES), "default": "jsonl"},
)


class FieldExtraction(Protocol):
    """The function that extracts from one document."""

    def extract(self, request: ExtractDocumentRequest) -> ExtractDocumentResult:
        """Extract, and return where the extraction is."""


@dataclass(frozen=True, slots=True)
class ExtractionServices:
    """The collaborators of the views of this module."""

    jobs: JobServices
    documents: DocumentLookup
    objects: ItemObjects
    library: ExtractionLibrary
    extractors: ExtractorLibrary
    function: Callable[[], FieldExtraction]
    """Returns the function that extracts."""
    paid: PaidResponseRecords
    """Responses by Idempotency-Key that a language model was paid for."""
    models: Callable[[], ServedModels]
    """Returns the models of the stage."""


def build_services(parts: ApiParts) -> ExtractionServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.records.extractions import ExtractionTable
    from chalicelib.adapters.records.extractors import ExtractorTable
    from chalicelib.wiring.models import stage_models

    settings = parts.settings
    read_models = stage_models(parts.environ)

    def function() -> FieldExtraction:
        from chalicelib.adapters.functions import ExtractFunction

        return ExtractFunction(aws.renderings(), settings.extract_function)

    services = jobs.build_services(parts)
    return ExtractionServices(
        jobs=services,
        documents=parts.records,
        objects=parts.batch_objects,
        library=ExtractionLibrary(
            ExtractionTable(parts.table), parts.batch_objects, settings.bucket
        ),
        extractors=ExtractorLibrary(ExtractorTable(parts.table), services.now),
        function=function,
        paid=parts.paid_answers,
        models=lambda: read_models().models,
    )


def routes(services: Callable[[], ExtractionServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/extractions", methods=["POST"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "extractions",
            {200: ExtractionView, ACCEPTED: Job},
            body=CreateExtractionRequest,
            once=True,
            errors=(NotFound, Conflict),
        ),
    )
    def create_extraction() -> Response:
        """Extract by a JSON Schema or a saved extractor, from documents or a collection.

        One document of at most 10 pages, and at most 500 fields times pages, is answered at once.
        Everything else is a job, whose id is in the ids of its extractions. `split` takes each
        document as a packet of several, and of `extractors` the one that fits best is chosen.
        With `model`, a language model chooses among the spans of fields that stay open.
        """
        request, deps = blueprint.current_request, services()
        body = parse_body(request, CreateExtractionRequest)
        return _create(request, body, deps)

    @blueprint.route("/v1/extractions", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "extractions",
            {200: ExtractionList},
            query=LISTING,
            errors=(Unsupported,),
        ),
    )
    def list_extractions() -> Response:
        """List extractions, by document and by time, or the newest first, a page at a time.

        A page may hold fewer than `limit`, even none, and go on behind its cursor.
        """
        return json_response(list_page(blueprint.current_request, services().library))

    @blueprint.route(_EXTRACTION, methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("extractions", {200: ExtractionView}, errors=(NotFound,)))
    def get_extraction(extraction_id: str) -> Response:
        """Show an extraction: its values, and its first 500 fields with their evidence."""
        tenant, library = tenant_of(blueprint.current_request), services().library
        return json_response(library.view(tenant, library.stored(tenant, extraction_id)))

    @blueprint.route(_EXTRACTION + "/fields", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "extractions",
            {200: ExtractedFieldList},
            query=(limit_parameter(MAX_FIELDS_A_PAGE), CURSOR),
            errors=(NotFound,),
        ),
    )
    def list_extracted_fields(extraction_id: str) -> Response:
        """List the fields of an extraction in the order of its schema, a page at a time."""
        return json_response(_fields(blueprint.current_request, extraction_id, services().library))

    @blueprint.route(_EXTRACTION + "/export", methods=["GET"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation("extractions", {200: ExtractionFile}, query=(_FORMAT,), errors=(NotFound,)),
    )
    def export_extraction(extraction_id: str) -> Response:
        """Say where the fields of an extraction can be had as a file."""
        return json_response(_export(blueprint.current_request, extraction_id, services()))

    return blueprint


def _create(request: Request, body: CreateExtractionRequest, deps: ExtractionServices) -> Response:
    tenant = tenant_of(request)
    terms, *others = _terms(tenant, body, deps)
    is_packet = body.split or bool(others)
    if len(body.document_ids) == 1 and not body.background and not is_packet:
        document = existing_document(tenant, body.document_ids[0], deps.documents)
        if not document.version:
            raise Conflict(
                f"The document is {document.status}; extract once it is ready.",
                field="document_ids",
            )
        if _is_direct(document.pages, terms):

            def make() -> ExtractionView:
                return _extract(request, document.document_id, terms, deps)

            if terms.model is not None:
                return run_paid_once(request, deps.paid, make)
            return run_once(request, deps.jobs.answers, make)
    return _launch(request, body, (terms, *others), deps)


def _terms(
    tenant: str, body: CreateExtractionRequest, deps: ExtractionServices
) -> list[ExtractionTerms]:
    """Return the terms to extract by, several where those that fit best are to be chosen."""
    check_model(body, deps.models)
    return [
        each.model_copy(update={"model": body.model_terms(each.model)})
        for each in _saved_terms(tenant, body, deps.extractors)
    ]


def _saved_terms(
    tenant: str, body: CreateExtractionRequest, extractors: ExtractorLibrary
) -> list[ExtractionTerms]:
    if body.extractors:
        return [referenced_terms(extractors.records, tenant, each) for each in body.extractors]
    if body.extractor is not None:
        return [extractors.terms(tenant, body.extractor, body.version)]
    return [inline_terms(dict(body.json_schema or {}))]


def _is_direct(pages: int, terms: ExtractionTerms) -> bool:
    """Return whether a document is short enough for its schema to be waited for."""
    fields = len(extraction_schema(terms.json_schema).leaves)
    return pages <= MAX_DIRECT_PAGES and pages * fields <= MAX_DIRECT_FIELDS


def _extract(
    request: Request, document_id: str, terms: ExtractionTerms, deps: ExtractionServices
) -> ExtractionView:
    """Extract from one document now."""
    tenant, now = tenant_of(request), deps.jobs.now()
    read = deps.function().extract(
        ExtractDocumentRequest(
            tenant=tenant,
            bucket=deps.jobs.bucket,
            extraction_id=extraction_id(document_id, deps.jobs.new_id(now)),
            document_id=document_id,
            terms=terms,
            key=key_id_of(request),
            correlation_id=request_id_of(request),
            model_seconds=DIRECT_MODEL_SECONDS,
        )
    )
    return deps.library.view(tenant, deps.library.stored(tenant, read.extraction_id))


def _launch(
    request: Request,
    body: CreateExtractionRequest,
    terms: Sequence[ExtractionTerms],
    deps: ExtractionServices,
) -> Response:
    """Store the response, write the terms, then launch; all may be repeated."""
    given = new_job_input(request, deps.jobs, "extraction", collection=body.collection or "")
    response = run_once(
        request, deps.jobs.answers, lambda: new_job(given, deps.jobs.now()), ACCEPTED
    )
    job_id = Job.model_validate_json(response.body).job_id
    launched = given.model_copy(update={"job_id": job_id})
    if deps.jobs.records.state(given.tenant, job_id) is None:
        # A repeated request must not change the schema of a job that runs.
        content = ExtractionInput(
            terms=terms[0],
            others=tuple(terms[1:]),
            split=body.split,
            document_ids=body.document_ids,
            collection=body.collection or "",
            key=key_id_of(request),
        )
        key = f"jobs/{given.tenant}/{job_id}/{TERMS}"
        deps.objects.write(given.bucket, key, content.model_dump_json().encode(), {})
    deps.jobs.launcher.launch(launched)
    return response


def _fields(request: Request, extraction_id: str, library: ExtractionLibrary) -> ExtractedFieldList:
    tenant, limit = tenant_of(request), limit_of(request, MAX_FIELDS_A_PAGE)
    stored = library.stored(tenant, extraction_id)
    asked = {"extraction": extraction_id, "status": stored.facts.status}
    cursor = query_value(request, "cursor")
    at = read_offset(cursor, asked)[0] if cursor is not None else 0
    items: list[ExtractedField] = []
    for field, behind in library.fields(tenant, stored, at):
        if len(items) == limit:
            cursor = write_offset(at, asked, "")
            return ExtractedFieldList(items=tuple(items), next_cursor=cursor)
        items.append(field)
        at = behind
    return ExtractedFieldList(items=tuple(items), next_cursor=None)


def _export(request: Request, extraction_id: str, deps: ExtractionServices) -> ExtractionFile:
    wanted = query_value(request, "format") or "jsonl"
    if wanted not in FILES:
        raise InvalidInput(f"format is one of {', '.join(FILES)}.", field="format")
    tenant = tenant_of(request)
    stored = deps.library.stored(tenant, extraction_id)
    file = FILES[wanted]
    name = f"{extraction_id}-{file}"
    key = deps.library.folder(tenant, stored) + file
    return ExtractionFile(
        name=name,
        url=deps.jobs.sign(key, name=name, seconds=RESULT_SECONDS),
        expires_at=deps.jobs.now() + timedelta(seconds=RESULT_SECONDS),
    )
