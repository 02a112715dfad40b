"""What all views together stand on; naming it here loads none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.api.ask import AskServices
    from chalicelib.api.batches import BatchServices
    from chalicelib.api.collections import CollectionServices
    from chalicelib.api.documents import DocumentServices
    from chalicelib.api.feedback import FeedbackServices
    from chalicelib.api.generations import GenerationServices
    from chalicelib.api.jobs import JobServices
    from chalicelib.api.openai.batches import BatchFileServices
    from chalicelib.api.openai.files import FileServices
    from chalicelib.api.openai.models import ModelServices
    from chalicelib.api.picture_jobs import PictureJobServices
    from chalicelib.api.prompt_runs import PromptRunServices
    from chalicelib.api.prompts import PromptServices
    from chalicelib.api.removals import RemovalServices
    from chalicelib.api.retries import RetryServices
    from chalicelib.api.screenings import ScreeningServices
    from chalicelib.api.search import SearchServices
    from chalicelib.api.usage import UsageServices
    from chalicelib.api.webhooks import WebhookServices


class ApiServices(Protocol):
    """What the views stand on, each built when it is first asked for."""

    @property
    def documents(self) -> DocumentServices:
        """What `/v1/documents` stands on."""

    @property
    def collections(self) -> CollectionServices:
        """What `/v1/collections` stands on."""

    @property
    def retries(self) -> RetryServices:
        """What `/v1/documents/{document_id}/retry` stands on."""

    @property
    def jobs(self) -> JobServices:
        """What `/v1/jobs` and `/v1/exports` stand on."""

    @property
    def batches(self) -> BatchServices:
        """What `/v1/generations/batches` stands on."""

    @property
    def picture_jobs(self) -> PictureJobServices:
        """What `/v1/collections/{name}/pictures` stands on."""

    @property
    def removals(self) -> RemovalServices:
        """What removals stand on."""

    @property
    def search(self) -> SearchServices:
        """What `/v1/search` stands on."""

    @property
    def prompts(self) -> PromptServices:
        """What `/v1/prompts` stands on."""

    @property
    def prompt_runs(self) -> PromptRunServices:
        """What `/v1/prompts/{prompt}/runs` stands on."""

    @property
    def generations(self) -> GenerationServices:
        """What `/v1/generations` stands on."""

    @property
    def screenings(self) -> ScreeningServices:
        """What `/v1/screenings` and `/v1/moderations` stand on."""

    @property
    def webhooks(self) -> WebhookServices:
        """What `/v1/webhooks` stands on."""

    @property
    def usage(self) -> UsageServices:
        """What `/v1/usage` and `/v1/budgets` stand on."""

    @property
    def openai_models(self) -> ModelServices:
        """What `/v1/models` stands on."""

    @property
    def openai_files(self) -> FileServices:
        """What `/v1/files` stands on."""

    @property
    def openai_batches(self) -> BatchFileServices:
        """What `/v1/batches` stands on."""

    @property
    def ask(self) -> AskServices:
        """What `/v1/ask` stands on."""

    @property
    def feedback(self) -> FeedbackServices:
        """What `/v1/feedback` stands on."""
