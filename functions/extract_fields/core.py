"""Extract fields by a JSON Schema: from one document, some of a job's, or as a step of a job.

What was extracted, or corrected since, becomes metadata of the document's vectors. What reviewed
documents call an extractor's fields is learned from the labels beside their values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    ExtractDocumentsRequest,
    IndexFieldsRequest,
    LearnLabelsRequest,
)
from chalicelib.contracts.jobs import StepRequest

if TYPE_CHECKING:
    from chalicelib.contracts.functions.extract_fields import (
        ExtractDocumentResult,
        ExtractDocumentsResult,
        IndexFieldsResult,
        LearnLabelsResult,
    )
    from chalicelib.contracts.jobs import StepResult
    from functions.extract_fields.field_index import FieldIndex
    from functions.extract_fields.job_documents import JobDocuments
    from functions.extract_fields.job_steps import JobSteps
    from functions.extract_fields.label_learner import LabelLearner
    from functions.extract_fields.version_extractor import VersionExtractor

Request = (
    ExtractDocumentRequest
    | ExtractDocumentsRequest
    | IndexFieldsRequest
    | LearnLabelsRequest
    | StepRequest
)


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`, one for each kind of request."""

    versions: VersionExtractor
    children: JobDocuments
    steps: JobSteps
    fields: FieldIndex
    labels: LabelLearner


def run(
    request: Request,
    deps: Deps,
) -> (
    ExtractDocumentResult
    | ExtractDocumentsResult
    | IndexFieldsResult
    | LearnLabelsResult
    | StepResult
):
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
    if isinstance(request, LearnLabelsRequest):
        return deps.labels.learn(request)
    return deps.steps.step(request)
