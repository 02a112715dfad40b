"""The functions that others call by `lambda:Invoke`: embedding, labelling, rendering, checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chalicelib.adapters.function_invocations import invoke_function
from chalicelib.contracts.functions.check_support import CheckRequest, CheckResult, CheckSource
from chalicelib.contracts.functions.embed_text import EmbedTextRequest, EmbedTextResult
from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    ExtractDocumentResult,
    IndexFieldsRequest,
    IndexFieldsResult,
    LearnLabelsRequest,
    LearnLabelsResult,
)
from chalicelib.contracts.functions.label_picture import LabelPictureRequest, LabelPictureResult
from chalicelib.contracts.functions.render_page import RenderPageRequest, RenderPageResult
from chalicelib.contracts.functions.rerank_passages import RerankResult
from chalicelib.contracts.vision import EmbedImageRequest, EmbedImageResult
from chalicelib.errors import (
    InvalidInput,
    ModelFailure,
)
from chalicelib.retrieval.search.reranker import rerank_request

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.contracts.search import Hit


class EmbedFunction:
    """The function `embed_text`."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def embed(
        self, texts: Sequence[str], correlation_id: str, model: str = "", *, truncate: bool = True
    ) -> EmbedTextResult:
        """Return one vector a text, in order; a long text is embedded by its beginning, or refused
        where it is not to `truncate`.

        Raises what the function raised where it is one of our errors, `Transient` where the
        function itself failed, timed out or was killed, and `ModelFailure` for a wrong answer.
        """
        request = EmbedTextRequest(
            texts=tuple(texts), model=model, truncate=truncate, correlation_id=correlation_id
        )
        result = invoke_function(self._client, self._name, request, "embedding", EmbedTextResult)
        if len(result.vectors) != len(texts):
            raise ModelFailure(
                f"The embedding function gave {len(result.vectors)} vectors for"
                f" {len(texts)} texts.",
                seconds=result.seconds,
            )
        return result

    def compare(self, question: str, texts: Sequence[str], correlation_id: str) -> EmbedTextResult:
        """Return one vector a text by the default model, and its comparison with `question`.

        Raises what `embed` does.
        """
        request = EmbedTextRequest(
            texts=tuple(texts), question=question, truncate=True, correlation_id=correlation_id
        )
        result = invoke_function(self._client, self._name, request, "embedding", EmbedTextResult)
        if len(result.matches) != len(texts):
            raise ModelFailure(
                f"The embedding function gave {len(result.matches)} comparisons for"
                f" {len(texts)} texts.",
                seconds=result.seconds,
            )
        return result


class LabelFunction:
    """The function `label_picture`."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def label(self, picture: bytes, correlation_id: str) -> LabelPictureResult:
        """Return what is seen in a picture; raise `InvalidInput` and `Unsupported` for what cannot
        be read, and otherwise as `EmbedFunction.embed` does.
        """
        request = LabelPictureRequest.model_construct(data=picture, correlation_id=correlation_id)
        return invoke_function(self._client, self._name, request, "labelling", LabelPictureResult)


class RenderFunction:
    """The function `render_page`. Its client's timeout bounds the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def render(self, request: RenderPageRequest) -> RenderPageResult:
        """Return the picture of a page.

        Raises `NotFound`, `InvalidInput`, `Unsupported` and `Conflict` as the function does, and
        otherwise as `EmbedFunction.embed` does.
        """
        return invoke_function(self._client, self._name, request, "rendering", RenderPageResult)


class ExtractFunction:
    """The function `extract_fields`. Its client's timeout bounds the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def extract(self, request: ExtractDocumentRequest) -> ExtractDocumentResult:
        """Extract from the document, and return where the extraction is.

        Raises `InvalidInput`, `NotFound` and `Conflict` as the function does, and otherwise as
        `EmbedFunction.embed` does.
        """
        doing = "extraction"
        return invoke_function(self._client, self._name, request, doing, ExtractDocumentResult)

    def index(self, request: IndexFieldsRequest) -> IndexFieldsResult:
        """Have an extraction's values filter searches; raise as `extract` does."""
        doing = "indexing of fields"
        return invoke_function(self._client, self._name, request, doing, IndexFieldsResult)

    def learn(self, request: LearnLabelsRequest) -> LearnLabelsResult:
        """Return what reviewed documents call an extractor's fields; raise as `extract` does."""
        doing = "learning of labels"
        return invoke_function(self._client, self._name, request, doing, LearnLabelsResult)


class EmbedPictureFunction:
    """The function `embed_image`, as queries ask it. Its client's timeout bounds the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def embed_text(self, model: str, text: str, correlation_id: str) -> EmbedImageResult:
        """Return the vector of a text by the version of `model` that serves.

        Raises `Conflict` where none serves, `InvalidInput` for a text that it cannot read, and
        otherwise as `EmbedFunction.embed` does.
        """
        return self._one(model, correlation_id, {"texts": (text,)})

    def embed_picture(self, model: str, picture: bytes, correlation_id: str) -> EmbedImageResult:
        """Return the vector of a picture; raise as `embed_text` does."""
        return self._one(model, correlation_id, {"images": (picture,)})

    def _one(self, model: str, correlation_id: str, given: dict[str, Any]) -> EmbedImageResult:
        request = EmbedImageRequest.model_construct(
            model=model, correlation_id=correlation_id, **{"images": (), "texts": (), **given}
        )
        doing = "picture embedding"
        result = invoke_function(self._client, self._name, request, doing, EmbedImageResult)
        if len(result.vectors) != 1:
            raise ModelFailure(
                f"The {doing} function gave {len(result.vectors)} vectors for 1 query.",
                seconds=result.seconds,
            )
        return result


class CheckFunction:
    """The function `check_support`. Its client's timeout and retries bound the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def check(
        self,
        question: str,
        claims: Sequence[str],
        sources: Sequence[CheckSource],
        correlation_id: str,
    ) -> CheckResult:
        """Return a verdict a claim, in order.

        Raises `InvalidInput` for more or longer texts than the function takes, and otherwise as
        `EmbedFunction.embed` does.
        """
        try:
            request = CheckRequest(
                question=question,
                claims=tuple(claims),
                sources=tuple(sources),
                correlation_id=correlation_id,
            )
        except ValidationError as error:
            raise InvalidInput(f"The answer cannot be checked: {error}") from error
        result = invoke_function(self._client, self._name, request, "checking", CheckResult)
        if len(result.verdicts) != len(claims):
            raise ModelFailure(
                f"The checking function gave {len(result.verdicts)} verdicts on"
                f" {len(claims)} claims."
            )
        return result


class RerankFunction:
    """The function `rerank_passages`. Its client's timeout bounds the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def rerank(self, query: str, passages: Sequence[Hit], correlation_id: str) -> RerankResult:
        """Return a score a passage, in order.

        Raises `InvalidInput` for more passages than the function takes, and otherwise as
        `EmbedFunction.embed` does.
        """
        try:
            request = rerank_request(query, passages, correlation_id)
        except ValidationError as error:
            raise InvalidInput(f"The passages cannot be reranked: {error}") from error
        result = invoke_function(self._client, self._name, request, "reranking", RerankResult)
        if len(result.scores) != len(passages):
            raise ModelFailure(
                f"The reranking function gave {len(result.scores)} scores for"
                f" {len(passages)} passages."
            )
        return result
