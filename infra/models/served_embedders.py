"""Embedding models that a stage trained, as an index of vectors can have them.

An index has the vectors of one version of a model, which its tenant's record names by the hash of
the version's manifest. The files of a version stay on the stage while such a record names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.model_versions import ModelVersions
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.s3 import S3Objects
from chalicelib.contracts.indexes import PINNED, TERMS_SUFFIX
from chalicelib.contracts.serving import (
    ROOT,
    ServedVersion,
    Serving,
    pinned_name,
    pinned_prefix,
)
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.generation.catalogue import catalogue, embedding_dimensions
from chalicelib.inference.tuned_embedder import TunedEmbedders
from chalicelib.retrieval.ids import text_index_name
from infra.models import approval
from infra.models.registry import Registry, VersionNotFoundError
from infra.models.version_files import ServingError
from infra.stages import StageConnection

EMBEDS_TEXTS = "embed_text"
"""The function whose models may be those of an index."""
_JOB_SUFFIX = r"-[0-9a-z]{6}"


@dataclass(frozen=True, slots=True)
class EmbeddingChoice:
    """An embedding model that an index may have.

    `name` is what a tenant's record has, `max_tokens` the most tokens of a passage, without the
    prefix that the model reads it with, and `tuned` whether the stage trained it.
    """

    name: str
    dimensions: int
    max_tokens: int
    tuned: bool = False


class ServedEmbedders:
    """The embedding models that tenants of a stage may have."""

    def __init__(self, place: StageConnection) -> None:
        """Connect to the stage by `place`."""
        self._versions = ModelVersions(
            S3Objects(place.client("s3")), place.outputs["DocumentsBucketName"]
        )
        self._registry = Registry(place.client)

    def choose(self, model: str) -> EmbeddingChoice:
        """Return a model of the catalogue, or the version that serves as a name of the stage.

        A pinned name is that of the version that serves, or of the one before it.

        Raises:
            NotFound: there is no such model, or it embeds no texts.
            InvalidInput: the version is not approved any more.
            HeadraceError: it cannot be read.
        """
        name = model.partition(PINNED)[0]
        if model in catalogue().models:
            return self.known(model)
        serving = self._versions.serving(name)
        if serving is None:
            raise NotFound(
                f"There is no embedding model {model}: neither the catalogue has one, nor does the"
                f" stage serve one. For a version of text_embedder: headrace models serve {name}"
                " VERSION",
                field="model",
            )
        served = {
            pinned_name(name, each.signature): each
            for each in (serving.serves, serving.before)
            if each is not None
        }
        pinned = model if PINNED in model else pinned_name(name, serving.serves.signature)
        if pinned not in served:
            raise NotFound(
                f"{model} neither serves nor served just before; there are {', '.join(served)}."
                " Serve that version again.",
                field="model",
            )
        if served[pinned].prefix != pinned_prefix(pinned):
            raise NotFound(f"{model} embeds no texts.", field="model")
        self._require_approval(served[pinned])
        return self.known(pinned)

    def known(self, model: str) -> EmbeddingChoice:
        """Return the model that a tenant's record names. Raises `NotFound`, or `ModelFailure`."""
        if PINNED not in model:
            most = int(catalogue().model(model).limits["max_tokens"])
            return EmbeddingChoice(model, embedding_dimensions(model), most)
        opened = TunedEmbedders(self._versions).get(model)
        prefix = opened.count_tokens("") - opened.tokens.count("")
        return EmbeddingChoice(model, opened.dimensions, opened.max_tokens - prefix, tuned=True)

    def _require_approval(self, version: ServedVersion) -> None:
        """Raise `InvalidInput` if a version was rejected or removed since it was served."""
        try:
            problem = approval.status_problem(self._registry.version(version.arn))
        except VersionNotFoundError as error:
            problem = str(error)
        if problem and not version.unapproved:
            raise InvalidInput(f"{problem}. Serve another version.", field="model")


def files_prefix(name: str, label: str, signature: str, function: str) -> str:
    """Return where the files of a version lie that is served as `name`.

    An embedder's lie by its manifest's hash, which indexes have of it, others' by their label.
    """
    if function == EMBEDS_TEXTS:
        return pinned_prefix(pinned_name(name, signature))
    return f"{ROOT}/{name}/{label}/"


def indexed_prefixes(place: StageConnection, serving: Serving) -> list[str]:
    """Return where the files lie of versions of an embedder whose vectors some index has."""
    pinned = pinned_name(serving.name, serving.serves.signature)
    if serving.serves.prefix != pinned_prefix(pinned):
        return []
    return [pinned_prefix(each) for each in indexed_versions(place, serving.name)]


def indexed_versions(place: StageConnection, name: str) -> set[str]:
    """Return the pinned names of the versions of a model that tenants' records name.

    Indexes that a job of such a model made are looked for by their names, so that not every record
    of the stage is read.
    """
    table = IngestTable(DynamoTable(place.client("dynamodb"), place.outputs["RecordsTableName"]))
    states = map(table.tenant_state, sorted(_tenants(place, name)))
    models = {index.model for state in states if state is not None for index in state.indexes}
    return {model for model in models if model.partition(PINNED)[0] == name}


def require_unindexed(place: StageConnection, name: str) -> None:
    """Raise `ServingError` if the index of some tenant has vectors of a model."""
    if used := sorted(indexed_versions(place, name)):
        raise ServingError(
            f"Indexes of tenants have vectors of {', '.join(used)}. Move these tenants to another"
            " model before: python -m infra.reindex TENANT --model MODEL"
        )


def _tenants(place: StageConnection, name: str) -> Iterator[str]:
    """Yield tenants that may have an index of a model; a name in two ways is of two tenants."""
    ending = text_index_name("", f"{name}{PINNED}").removesuffix(TERMS_SUFFIX)
    pattern = re.compile(rf"(.+){re.escape(ending)}{_JOB_SUFFIX}{re.escape(TERMS_SUFFIX)}")
    pages = place.client("s3vectors").get_paginator("list_indexes")
    for page in pages.paginate(vectorBucketName=place.outputs["VectorBucketName"]):
        for index in page["indexes"]:
            if found := pattern.fullmatch(index["indexName"]):
                yield found[1]
