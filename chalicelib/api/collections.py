"""`/v1/collections`: declarations of collections, and counts of their documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalice.app import Blueprint, ChaliceAuthorizer, Response

from chalicelib.api.http import json_response, parse_body, serve_operation, tenant_of, utcnow
from chalicelib.contracts.collections import (
    CollectionList,
    CollectionTally,
    CollectionView,
    Declaration,
    DocumentUsage,
    PutCollectionRequest,
)
from chalicelib.contracts.metadata import MAX_NAMES, check_name
from chalicelib.contracts.operations import Operation
from chalicelib.errors import Conflict, InvalidInput, NotFound, QuotaExceeded
from chalicelib.labelling.extractor_terms import SavedExtractors, referenced_terms
from chalicelib.retrieval.ids import check_collection
from chalicelib.retrieval.search.filters import Declarations

if TYPE_CHECKING:
    from chalicelib.wiring.api import ApiParts

MAX_COUNTED = 10_000
"""Documents that one response counts; beyond that the counts are marked as partial."""
MAX_LOOKED_AT = 100_000
"""Documents that are read to see that a collection is empty."""
MAX_DECLARED = 500
"""Collections that a tenant can declare."""


class CollectionStore(Declarations, Protocol):
    """Declarations of collections, and the documents to count in them."""

    def declarations(self, tenant: str) -> Iterator[Declaration]:
        """Yield the declarations of the tenant's collections, by name."""

    def declare(self, tenant: str, declared: Declaration) -> None:
        """Store the declaration of a collection in place of the one before."""

    def forget(self, tenant: str, name: str) -> None:
        """Remove the declaration of a collection."""

    def held(self, tenant: str) -> Iterator[DocumentUsage]:
        """Yield the usage of each of the tenant's documents, by id."""


@dataclass(frozen=True, slots=True)
class CollectionServices:
    """The collaborators of the views of this module."""

    records: CollectionStore
    picture_models: Callable[[], Sequence[str]]
    """Returns the served models that embed pictures."""
    transcribers: Callable[[str], Sequence[str]]
    """Returns the served models by which a tenant may have recordings transcribed."""
    extractors: SavedExtractors
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> CollectionServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.adapters.records.collections import CollectionTable
    from chalicelib.adapters.records.extractors import ExtractorTable
    from chalicelib.generation.transcribers import transcribers
    from chalicelib.wiring.models import models_of, place, stage_models

    read_models, allowed = stage_models(parts.environ), models_of(parts.environ)
    region = place(parts.environ)
    return CollectionServices(
        records=CollectionTable(parts.table),
        picture_models=lambda: read_models().models.models_in_function("embed_image"),
        transcribers=lambda tenant: transcribers(
            read_models().models, region, utcnow().date(), allowed(tenant)
        ),
        extractors=ExtractorTable(parts.table),
        now=utcnow,
    )


def routes(services: Callable[[], CollectionServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/collections", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("collections", {200: CollectionList}))
    def list_collections() -> Response:
        """List collections by name, with what is in each."""
        return json_response(_list(tenant_of(blueprint.current_request), services().records))

    @blueprint.route("/v1/collections/{name}", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("collections", {200: CollectionView}, errors=(NotFound,)))
    def get_collection(name: str) -> Response:
        """Show a collection: what is declared of it, and what is in it."""
        return json_response(_show(tenant_of(blueprint.current_request), name, services().records))

    @blueprint.route("/v1/collections/{name}", methods=["PUT"], authorizer=authorizer)
    @serve_operation(
        blueprint,
        Operation(
            "collections",
            {200: Declaration},
            body=PutCollectionRequest,
            errors=(QuotaExceeded, NotFound),
        ),
    )
    def put_collection(name: str) -> Response:
        """Declare a collection, in place of what was declared before."""
        request = blueprint.current_request
        body = parse_body(request, PutCollectionRequest)
        return json_response(_declare(tenant_of(request), name, body, services()))

    @blueprint.route("/v1/collections/{name}", methods=["DELETE"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("collections", {204: None}, errors=(NotFound, Conflict)))
    def delete_collection(name: str) -> Response:
        """Forget what is declared of a collection that no document is in."""
        _forget(tenant_of(blueprint.current_request), name, services().records)
        return Response(body="", status_code=204)

    return blueprint


def _list(tenant: str, records: CollectionStore) -> CollectionList:
    counts = _count(records.held(tenant))
    declared = {each.name: each for each in records.declarations(tenant)}
    names = sorted(declared.keys() | counts.tallies.keys())
    return CollectionList(
        items=tuple(_view(name, declared.get(name), counts) for name in names),
        partial=counts.partial,
    )


def _show(tenant: str, name: str, records: CollectionStore) -> CollectionView:
    check_collection(name)
    counts = _count(records.held(tenant), name)
    declared = records.declaration(tenant, name)
    if declared is None and name not in counts.tallies and not counts.partial:
        raise NotFound(f"There is no collection {name}.", field="name")
    return _view(name, declared, counts)


def _declare(
    tenant: str, name: str, body: PutCollectionRequest, deps: CollectionServices
) -> Declaration:
    check_collection(name)
    if len(body.fields) > MAX_NAMES:
        raise InvalidInput(
            f"{len(body.fields)} fields are declared; at most {MAX_NAMES} can be.",
            field="fields",
            limit=str(MAX_NAMES),
        )
    for field_name in body.fields:
        check_name(field_name, "fields")
    _check_picture_model(body.picture_model, deps)
    _check_transcriber(tenant, body.transcriber, deps)
    if body.extractor is not None:
        referenced_terms(deps.extractors, tenant, body.extractor)
    before, moment = deps.records.declaration(tenant, name), deps.now()
    now = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    if before is None and sum(1 for _ in deps.records.declarations(tenant)) >= MAX_DECLARED:
        raise QuotaExceeded(
            f"{MAX_DECLARED} collections are declared, which is as many as can be.",
            limit=str(MAX_DECLARED),
        )
    declared = Declaration(
        name=name,
        description=body.description,
        fields=body.fields,
        strict=body.strict,
        picture_model=body.picture_model,
        transcriber=body.transcriber,
        extractor=body.extractor,
        created_at=now if before is None else before.created_at,
        updated_at=now,
    )
    deps.records.declare(tenant, declared)
    return declared


def _check_picture_model(name: str | None, deps: CollectionServices) -> None:
    if name is None:
        return
    known = deps.picture_models()
    if name not in known:
        raise InvalidInput(
            f"picture_model: no served model {name} embeds pictures; there are {', '.join(known)}."
            " Leave it out to find pictures by what is seen in them.",
            field="picture_model",
        )


def _check_transcriber(tenant: str, name: str | None, deps: CollectionServices) -> None:
    if name is None:
        return
    known = deps.transcribers(tenant)
    if name not in known:
        from chalicelib.generation.transcribers import why_not_built

        why = why_not_built(name) or (
            f"no served model {name} that you may use transcribes recordings."
        )
        raise InvalidInput(
            f"transcriber: {why} There are {', '.join(known)}. Leave it out for the default.",
            field="transcriber",
        )


def _forget(tenant: str, name: str, records: CollectionStore) -> None:
    check_collection(name)
    if records.declaration(tenant, name) is None:
        raise NotFound(f"Nothing is declared of a collection {name}.", field="name")
    looked_at = 0
    for held in islice(records.held(tenant), MAX_LOOKED_AT):
        looked_at += 1
        if held.collection == name:
            raise Conflict(
                f"The collection {name} holds documents; remove them first.", field="name"
            )
    if looked_at == MAX_LOOKED_AT:
        raise Conflict(
            f"The tenant has {MAX_LOOKED_AT} documents or more, too many to see that none is "
            f"in {name}; remove the collection by a job.",
            field="name",
            limit=str(MAX_LOOKED_AT),
        )
    records.forget(tenant, name)


@dataclass(slots=True)
class _Counts:
    """Tallies by collection; `partial` where there were more documents than were counted."""

    tallies: dict[str, CollectionTally] = field(default_factory=dict)
    partial: bool = False


def _count(held: Iterable[DocumentUsage], only: str | None = None) -> _Counts:
    counts = _Counts()
    statuses: dict[str, Counter[str]] = {}
    sizes: dict[str, Counter[str]] = {}
    for looked_at, document in enumerate(held):
        if looked_at == MAX_COUNTED:
            counts.partial = True
            break
        if only in {None, document.collection}:
            statuses.setdefault(document.collection, Counter())[document.status] += 1
            size = sizes.setdefault(document.collection, Counter())
            for name in ("pages", "chunks", "bytes"):
                size[name] += getattr(document, name)
    counts.tallies = {
        name: CollectionTally(
            documents={"total": by_status.total(), **by_status},
            pages=sizes[name]["pages"],
            chunks=sizes[name]["chunks"],
            bytes=sizes[name]["bytes"],
        )
        for name, by_status in statuses.items()
    }
    return counts


def _view(name: str, declared: Declaration | None, counts: _Counts) -> CollectionView:
    told = {} if declared is None else declared.model_dump(exclude={"name"})
    return CollectionView.model_validate(
        {
            **told,
            "name": name,
            "declared": declared is not None,
            "tally": counts.tallies.get(name, CollectionTally(documents={"total": 0})),
            "partial": counts.partial,
        }
    )
