"""Extract fields by a JSON Schema: from one document, some of a job's, or as a step of a job.

What was extracted, or corrected since, becomes metadata of the document's vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    ExtractDocumentsRequest,
    IndexFieldsRequest,
)

if TYPE_CHECKING:
    from chalicelib.contracts.functions.extract_fields import (
        ExtractDocumentResult,
        ExtractDocumentsResult,
        IndexFieldsResult,
    )
    from chalicelib.contracts.jobs import StepRequest, StepResult
    from functions.extract_fields.field_index import FieldIndex
    from functions.extract_fields.job_documents import JobDocuments
    from functions.extract_fields.job_steps import JobSteps
    from functions.extract_fields.version_extractor import VersionExtractor


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`, one for each kind of request."""

    versions: VersionExtractor
    children: JobDocuments
    steps: JobSteps
    fields: FieldIndex


def run(
    request: ExtractDocumentRequest | ExtractDocumentsRequest | IndexFieldsRequest | StepRequest,
    deps: Deps,
) -> ExtractDocumentResult | ExtractDocumentsResult | IndexFieldsResult | StepResult:
    """Do what is asked for.

    Raises:
        InvalidInput: the schema is none that can be extracted by, or there is no document.
        NotFound, Conflict: the document is not there, or not ready.
        ModelFailure: a model is missing or failed.
        Transient, Throttled: a service did not answer; the request may be repeated.
    """
    if isinstance(request, ExtractDocumentRequest):
        return deps.versions.extract(request)
    if isinstance(request, ExtractDocumentsRequest):
        return deps.children.extract(request)
    if isinstance(request, IndexFieldsRequest):
        return deps.fields.index(request)
    return deps.steps.step(request)
