"""The routes of the API in groups: a group is loaded when one of its paths is first asked for.

A start that answers a search loads what searches, and nothing of prompts, budgets or batches: the
contracts of all groups would be most of what it loads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chalice.app import Blueprint, ChaliceAuthorizer

from chalicelib.api.services import ApiServices

Group = Callable[[ApiServices, ChaliceAuthorizer], Blueprint]
"""Loads a module of views and returns its routes."""


def _documents(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.documents import routes

    return routes(lambda: services.documents, authorizer)


def _retries(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.retries import routes

    return routes(lambda: services.retries, authorizer)


def _collections(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.collections import routes

    return routes(lambda: services.collections, authorizer)


def _picture_jobs(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.picture_jobs import routes

    return routes(lambda: services.picture_jobs, authorizer)


def _removals(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.removals import routes

    return routes(lambda: services.removals, authorizer)


def _jobs(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.jobs import routes

    return routes(lambda: services.jobs, authorizer)


def _batches(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.batches import routes

    return routes(lambda: services.batches, authorizer)


def _search(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.search import routes

    return routes(lambda: services.search, authorizer)


def _ask(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.ask import routes

    return routes(lambda: services.ask, authorizer)


def _feedback(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.feedback import routes

    return routes(lambda: services.feedback, authorizer)


def _prompts(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.prompts import routes

    return routes(lambda: services.prompts, authorizer)


def _prompt_runs(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.prompt_runs import routes

    return routes(lambda: services.prompt_runs, authorizer)


def _generations(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.generations import routes

    return routes(lambda: services.generations, authorizer)


def _screenings(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.screenings import routes

    return routes(lambda: services.screenings, authorizer)


def _openai_moderations(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.openai.moderations import routes

    return routes(lambda: services.screenings, authorizer)


def _openai_transcriptions(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.openai.transcriptions import routes

    return routes(authorizer)


def _openai_models(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.openai.models import routes

    return routes(lambda: services.openai_models, authorizer)


def _openai_files(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.openai.files import routes

    return routes(lambda: services.openai_files, authorizer)


def _openai_batches(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.openai.batches import routes

    return routes(lambda: services.openai_batches, authorizer)


def _usage(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.usage import routes

    return routes(lambda: services.usage, authorizer)


def _webhooks(services: ApiServices, authorizer: ChaliceAuthorizer) -> Blueprint:
    from chalicelib.api.webhooks import routes

    return routes(lambda: services.webhooks, authorizer)


GROUPS: Mapping[str, Group] = {
    "/v1/documents": _documents,
    "/v1/documents/{document_id}/retry": _retries,
    "/v1/collections": _collections,
    "/v1/collections/{name}/documents": _removals,
    "/v1/collections/{name}/pictures": _picture_jobs,
    "/v1/tenant": _removals,
    "/v1/jobs": _jobs,
    "/v1/exports": _jobs,
    "/v1/jobs/{job_id}/partial": _batches,
    "/v1/generations/batches": _batches,
    "/v1/generations/jobs": _batches,
    "/v1/search": _search,
    "/v1/ask": _ask,
    "/v1/feedback": _feedback,
    "/v1/prompts": _prompts,
    "/v1/prompts/{prompt}/runs": _prompt_runs,
    "/v1/generations": _generations,
    "/v1/screenings": _screenings,
    "/v1/moderations": _openai_moderations,
    "/v1/audio": _openai_transcriptions,
    "/v1/models": _openai_models,
    "/v1/files": _openai_files,
    "/v1/batches": _openai_batches,
    "/v1/usage": _usage,
    "/v1/budgets": _usage,
    "/v1/webhooks": _webhooks,
}
"""By the beginning of their paths; the longest that fits a path tells its group."""

OF_METHODS: Mapping[tuple[str, str], Group] = {
    ("DELETE", "/v1/documents/{document_id}"): _removals,
}
"""Methods that are in another group than the rest of their path: they need far more than it."""


def group_of(method: str, path: str) -> Group | None:
    """Return the group that answers `method` at `path`, as routes write it, or None."""
    if (method, path) in OF_METHODS:
        return OF_METHODS[method, path]
    while path:
        if path in GROUPS:
            return GROUPS[path]
        path = path.rpartition("/")[0]
    return None
