"""The API on a Chalice app whose services keep everything in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalice.app import AuthRequest, Chalice
from chalice.test import Client, HTTPResponse

from chalicelib.adapters.model_registry import StageRegistry
from chalicelib.adapters.trainings import StageTrainings, card_key
from chalicelib.api.application import mount
from chalicelib.api.ask import AskServices
from chalicelib.api.auth import authorize, hash_key
from chalicelib.api.batches import BatchServices
from chalicelib.api.collections import CollectionServices
from chalicelib.api.document_content import DocumentContentServices
from chalicelib.api.document_pages import DocumentPageServices
from chalicelib.api.documents import DocumentServices
from chalicelib.api.evaluations import EvaluationServices
from chalicelib.api.executions import ExecutionServices
from chalicelib.api.extraction_reviews import ExtractionReviewServices
from chalicelib.api.extractions import ExtractionServices
from chalicelib.api.extractors import ExtractorServices
from chalicelib.api.feedback import FeedbackServices
from chalicelib.api.generations import GenerationServices
from chalicelib.api.job_errors import JobErrorServices
from chalicelib.api.jobs import JobServices
from chalicelib.api.labelling import LabellingServices
from chalicelib.api.mcp import McpServices, mcp_server
from chalicelib.api.monitors import MonitorServices
from chalicelib.api.openai.batches import BatchFileServices
from chalicelib.api.openai.files import FileServices
from chalicelib.api.openai.models import ModelServices
from chalicelib.api.picture_jobs import PictureJobServices
from chalicelib.api.prompt_runs import PromptRunServices
from chalicelib.api.prompts import PromptServices
from chalicelib.api.recordings import RecordingServices
from chalicelib.api.removals import RemovalServices
from chalicelib.api.resources import ApiResource
from chalicelib.api.retries import RetryServices
from chalicelib.api.route_calls import RouteViews
from chalicelib.api.schedules import ScheduleServices, TermsCheck
from chalicelib.api.screenings import ScreeningServices
from chalicelib.api.search import SearchServices
from chalicelib.api.trainings import TrainingServices
from chalicelib.api.usage import UsageServices
from chalicelib.api.webhooks import WebhookServices
from chalicelib.budgets.limits import SpendingLimits
from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.keys import ApiKey
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.search import Hit
from chalicelib.contracts.uploads import PresignedUpload
from chalicelib.evaluation.pinned_targets import pin_targets
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.requirements import CallRegion
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.ulids import ulid
from chalicelib.labelling.calibrations import Calibrations
from chalicelib.labelling.extraction_library import ExtractionLibrary
from chalicelib.labelling.extraction_reviews import ExtractionReviews
from chalicelib.labelling.extractors import ExtractorLibrary
from chalicelib.prompts.rendering import preview
from chalicelib.prompts.runs import PromptRunner
from chalicelib.prompts.validation import check_prompt
from chalicelib.retrieval.answer.pipeline import QuestionAnswerer
from chalicelib.retrieval.search.searcher import Searcher
from chalicelib.screening.screener import ContentScreens
from tests.unit.api.functions import FakeExtraction, FakeRenderer
from tests.unit.api.packages import FakePackages
from tests.unit.api.records import NOW, FakeRecords
from tests.unit.api.training_jobs import FakeTrainings
from tests.unit.batches.fakes import FakeBatchObjects
from tests.unit.budgets.fakes import FakeSpending
from tests.unit.captures.fakes import FakeCaptures
from tests.unit.feedback.fakes import FakeRatings, FakeRows, answer_log
from tests.unit.generation.fakes import House
from tests.unit.ingest.fakes import FakeBus, FakeTenants
from tests.unit.ingest.fakes import FakeTenants as Pointers
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs
from tests.unit.labelling.extraction_fakes import FakeCalibrations, FakeExtractions, FakeExtractors
from tests.unit.labelling.fakes import Desk
from tests.unit.openai.fakes import FakeFiles
from tests.unit.prompts.fakes import FakePrompts, library
from tests.unit.retrieval.fakes import (
    FakeChecker,
    FakeEmbedder,
    FakeIndex,
    FakeLabeller,
    FakePrices,
    FakeReranker,
    FakeScreen,
    FakeVersions,
)
from tests.unit.schedules.fakes import Room
from tests.unit.screening.fakes import FakePictures, FakeTexts
from tests.unit.webhooks.fakes import FakeQueue
from tests.unit.webhooks.fakes import FakeRecords as FakeWebhooks

KEY = "hr_" + "a" * 40
OTHER_KEY = "hr_" + "b" * 40
OPERATOR_KEY = "hr_" + "o" * 40


@dataclass
class _RatingTenants(FakeTenants):
    """One tenant, whose index counts the votes that it has given."""

    ratings: FakeRatings = field(default_factory=FakeRatings)

    def live_index(self, tenant: str) -> IndexRef | None:
        index = super().live_index(tenant)
        return None if index is None else replace(index, votes=len(self.ratings.voted))


@dataclass
class Api:
    """The app, and a client that speaks as a tenant."""

    hits: list[Hit] = field(default_factory=list)
    max_file_bytes: int = 1000
    records: FakeRecords = field(default_factory=FakeRecords)
    embedder: FakeEmbedder = field(default_factory=FakeEmbedder)
    signed: list[dict[str, object]] = field(default_factory=list)
    tenants: Pointers = field(default_factory=Pointers)
    ratings: FakeRatings = field(default_factory=FakeRatings)
    rows: FakeRows = field(default_factory=FakeRows)
    bus: FakeBus = field(default_factory=FakeBus)
    reranker: FakeReranker = field(default_factory=FakeReranker)
    labeller: FakeLabeller = field(default_factory=FakeLabeller)
    renderer: FakeRenderer = field(default_factory=FakeRenderer)
    jobs: JobServices = field(init=False)
    removals: RemovalServices = field(init=False)

    def __post_init__(self) -> None:
        for key, tenant in ((KEY, "acme"), (OTHER_KEY, "rival")):
            self.records.keys[hash_key(key)] = ApiKey(hash_key(key), tenant)
        operators = hash_key(OPERATOR_KEY)
        self.records.keys[operators] = ApiKey(operators, "acme", operator=True)
        self.index = FakeIndex(self.hits)
        searcher = Searcher(
            self.embedder,
            _RatingTenants(ratings=self.ratings),
            self.index,
            FakeVersions({"doc_a": "v_1"}),
            self.records,
            self.reranker,
            self.ratings,
            labeller=self.labeller,
        )
        keeps = answer_log(self.ratings)
        self.batch_objects = FakeBatchObjects()
        self.job_records, self.job_executions = FakeJobs(), FakeJobExecutions()
        self.jobs = JobServices(
            launcher=JobLauncher(self.job_records, self.job_executions, lambda: NOW),
            records=self.job_records,
            answers=self.records,
            sign=lambda key, *, name, seconds: f"https://bucket/{key}?{seconds}",
            cost=catalogue().cost,
            bucket="documents",
            count=lambda prefix: sum(
                1 for key in self.batch_objects.bodies if key.startswith(prefix)
            ),
            now=lambda: NOW,
            new_id=ulid,
        )
        self.executions = ExecutionServices(self.job_records, self.job_executions, lambda: NOW)
        self.job_errors = JobErrorServices(self.job_records, self.batch_objects)
        self.batches = BatchServices(
            self.jobs, self._sign, self.batch_objects, lambda: NOW, served_models
        )
        self.picture_jobs = PictureJobServices(self.jobs, self.records)
        self.removals = RemovalServices(
            self.jobs, self.tenants, self.records, self.records, lambda: self.records
        )
        self.documents = DocumentServices(
            records=self.records,
            uploads=self.records,
            tenants=self.tenants,
            answers=self.records,
            sign=self._sign,
            language_notice=lambda tenant, language: f"{tenant}: {language}" * (language == "de"),
            max_file_bytes=self.max_file_bytes,
            now=lambda: NOW,
        )
        self.document_pages = DocumentPageServices(
            records=self.records,
            objects=self.batch_objects,
            renderer=lambda: self.renderer,
            sign=self.jobs.sign,
            bucket="documents",
            now=lambda: NOW,
        )
        self.document_content = DocumentContentServices(
            records=self.records,
            answers=self.ratings,
            sign=self.jobs.sign,
            bucket="documents",
            now=lambda: NOW,
        )
        self.recordings = RecordingServices(
            records=self.records,
            objects=self.batch_objects,
            sign=self.jobs.sign,
            bucket="documents",
            now=lambda: NOW,
        )
        self.retries = RetryServices(self.records, self.records, self.records)
        self.spending = FakeSpending()
        self.usage = UsageServices(
            self.spending, SpendingLimits(nanodollars_a_day=10**9), lambda: NOW
        )
        self.webhook_records = FakeWebhooks()
        self.webhook_queue = FakeQueue()
        self.webhooks = WebhookServices(
            self.webhook_records, self.webhook_queue, False, os.urandom, lambda: NOW
        )
        self.house = House({})
        self.captured = FakeCaptures()
        self.prompt_runs = PromptRunServices(
            lambda: self.prompts.library,
            lambda: PromptRunner(
                self.house.generator, lambda: "@@fence", lambda: NOW, lambda: "run_1"
            ),
            self.records,
            lambda: self.captured.recorder,
        )
        self.generations = GenerationServices(
            lambda: self.house.generator, self.records, lambda: self.captured.recorder
        )
        self.prompt_records = FakePrompts()
        self.prompts = PromptServices(
            library(self.prompt_records, check_prompt), preview, lambda: "@@fence", self.records
        )
        self.evaluations = EvaluationServices(
            self.jobs,
            self.batch_objects,
            lambda tenant, suite: pin_targets(
                suite,
                lambda name, wanted: self.prompts.library.version(tenant, name, wanted),
                check_prompt,
            ),
        )
        self.extraction_records, self.extraction = FakeExtractions(), FakeExtraction()
        extractors = FakeExtractors()
        self.collections = CollectionServices(
            self.records,
            lambda: ("emoji-clip", "shapes-clip"),
            lambda _: ("whisper-base", "amazon-transcribe"),
            extractors,
            lambda: NOW,
        )
        extracted = ExtractionLibrary(self.extraction_records, self.batch_objects, "documents")
        self.calibration_records = FakeCalibrations()
        self.extractors = ExtractorServices(
            ExtractorLibrary(extractors, lambda: NOW),
            self.records,
            Calibrations(
                self.calibration_records,
                extractors,
                extracted,
                lambda: NOW,
                lambda: self.extraction,
            ),
            served_models,
        )
        self.extractions = ExtractionServices(
            jobs=self.jobs,
            documents=self.records,
            objects=self.batch_objects,
            library=extracted,
            extractors=self.extractors.library,
            function=lambda: self.extraction,
            paid=self.records,
            models=served_models,
        )
        self.moment = NOW
        self.indexed: list[tuple[str, str]] = []
        self.extraction_reviews = ExtractionReviewServices(
            ExtractionReviews(
                self.extractions.library,
                self.batch_objects,
                self.bus,
                lambda: self.moment,
                lambda: ulid(self.moment),
                lambda attempt: None,
                lambda tenant, facts: self.indexed.append((tenant, facts.extraction_id)),
            )
        )
        self.desk = Desk()
        self.labelling = LabellingServices(self.desk.tasks, self.desk.queue, self.records)
        self.room = Room()
        terms = TermsCheck(
            "documents",
            lambda tenant, writes: [],
            lambda tenant, webhook_id: self.webhook_records.webhook(tenant, webhook_id) is not None,
            self.prompts.library,
            served_models,
            lambda tenant, name: name in self.captured.kept,
            extractors,
        )
        self.schedules = ScheduleServices(self.room.library(terms.check), self.records)
        self.models_allowed: dict[str, frozenset[str]] = {}
        self.openai_models = ModelServices(
            served_models,
            CallRegion("us-east-1"),
            lambda: NOW,
            self.models_allowed.get,
            catalogue().prices,
        )
        self.stored = FakeFiles()
        self.openai_files = FileServices(self.stored, lambda: NOW, ulid)
        self.openai_batches = BatchFileServices(self.jobs, self.stored)
        self.screen_texts = FakeTexts()
        self.health, self.reference = "test", None
        self.console = "https://bucket.example"
        self.packages = FakePackages()
        self.registry = StageRegistry(self.packages, "test", "arn:aws:sagemaker:us-east-1:1")
        self.schedule_times = lambda: NOW
        self.training_jobs = FakeTrainings()
        self.trainings = TrainingServices(
            StageTrainings(self.training_jobs, self.training_jobs, "bucket", "test"),  # type: ignore[arg-type]
            card_key,
            lambda key, **named: f"http://s3/{key}",
            lambda: NOW,
        )
        self.screenings = ScreeningServices(ContentScreens(self.screen_texts, FakePictures()))
        self.openai_moderations = self.screenings
        self.search = SearchServices(searcher, keeps, self.records, lambda found: Receipt())
        answerer = QuestionAnswerer(
            searcher, self.embedder, None, FakePrices(), FakeChecker(), FakeScreen(), keeps
        )
        self.ask = AskServices(lambda: answerer, self.records, lambda: self.captured.recorder)
        self.monitors = MonitorServices(self.captured, self.captured, lambda: NOW)
        self.feedback = FeedbackServices(
            self.records, self.ratings, self.rows, self.bus, self.records, lambda: NOW
        )
        self.written: dict[str, tuple[bytes, Mapping[str, str]]] = {}
        self.mcp = McpServices(
            mcp_server(), RouteViews(self._services_of, self._write, self._read), "none"
        )
        app = Chalice("headrace")

        @app.authorizer(ttl_seconds=0)
        def authorizer(request: AuthRequest) -> Any:
            return authorize(request, self.records)

        mount(app, self._services_of, authorizer).mount_all()
        self._http = Client(app).http

    def _services_of(self, resource: ApiResource) -> Any:
        return getattr(self, resource.module.replace(".", "_"))

    def _write(self, key: str, content: bytes, metadata: Mapping[str, str]) -> None:
        self.written[key] = (content, metadata)

    def _read(self, key: str, max_bytes: int) -> bytes:
        return self.batch_objects.bodies[key][:max_bytes]

    def _sign(
        self, key: str, *, max_bytes: int, seconds: int, metadata: Mapping[str, str]
    ) -> PresignedUpload:
        self.signed.append({"key": key, "max_bytes": max_bytes, "metadata": metadata})
        return PresignedUpload(url="http://s3/bucket", fields={"key": key})

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        key: str | None = KEY,
        **headers: str,
    ) -> HTTPResponse:
        """Call the API; `body` is sent as JSON, or as it is where it is bytes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["authorization"] = f"Bearer {key}"
        raw = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        if raw:
            sent.setdefault("content-type", "application/json")
        return self._http.request(method, path, headers=sent, body=raw)


def error_of(response: HTTPResponse) -> dict[str, Any]:
    error: dict[str, Any] = response.json_body["error"]
    assert set(error) == {"type", "message", "field", "limit", "request_id"}
    assert error["request_id"]
    return error
