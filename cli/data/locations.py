"""Where training data is named from: a path, s3://…, a collection, captured answers, or ratings."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cli.data.captured_answers import write_captured
from cli.documents.content import whole_page
from cli.failures import CommandError, UsageError
from cli.options import StageOptions, UserContext, open_context
from cli.output import Output

COLLECTION, S3 = "collection:", "s3://"
GENERATIONS, FEEDBACK = "generations:", "feedback:"
_ROW_CHARACTERS = 100_000
_TIMEOUT_S = 30.0


@contextmanager
def local_copy(given: str, place: StageOptions, output: Output) -> Iterator[Path]:
    """Yield the path of data; what lies elsewhere is copied to a folder that is then removed.

    Raises:
        UsageError: nothing is there, or no API is named.
        CommandError: it cannot be fetched.
    """
    if not is_elsewhere(given):
        yield local_path(given)
        return
    with tempfile.TemporaryDirectory(prefix="headrace-source-") as folder:
        if given.startswith(S3):
            yield _fetch(given, place, Path(folder))
        elif given.startswith(FEEDBACK):
            yield _rated(given.removeprefix(FEEDBACK), place, Path(folder), output)
        else:
            target = _user_context(place, output)
            with closing(target.api):
                if given.startswith(GENERATIONS):
                    yield write_captured(target, place, given, Path(folder))
                    return
                yield _collect(target, given.removeprefix(COLLECTION), Path(folder))


def tenant_of(given: str, place: StageOptions, output: Output) -> str:
    """Return the tenant whose data is named, "" for data that is of none, or of nobody known.

    Collections and captured answers are those of the tenant whose key is used.

    Raises:
        UsageError: no API is named, or the stage knows no such key.
        CommandError: the stage cannot be asked.
    """
    if given.startswith(FEEDBACK):
        return given.removeprefix(FEEDBACK)
    if not given.startswith((COLLECTION, GENERATIONS)):
        return ""
    target = _user_context(place, output)
    with closing(target.api):
        return tenant_of_key(target, place)


def tenant_of_key(target: UserContext, place: StageOptions) -> str:
    """Return the tenant whose key an API is called with.

    Raises:
        UsageError: the stage knows no such key.
        CommandError: the stage cannot be asked.
    """
    from infra import tenants
    from infra.models.training import TrainingError, translate_training_errors

    try:
        with translate_training_errors():
            stage = place.find()
            table = stage.outputs["RecordsTableName"]
            found = tenants.tenant_of_key(stage.client("dynamodb"), table, target.api.key)
    except (TrainingError, ValueError) as error:
        raise CommandError(str(error)) from error
    if found is None:
        raise UsageError("The key is of no tenant of the stage: give one of the same stage.")
    return found


def _user_context(place: StageOptions, output: Output) -> UserContext:
    return open_context(
        os.environ.get("HEADRACE_ENDPOINT"),
        os.environ.get("HEADRACE_API_KEY"),
        place.data_dir,
        _TIMEOUT_S,
        output,
    )


def is_elsewhere(given: str) -> bool:
    """Return whether data is named that lies neither in a file nor in a folder here."""
    return given.startswith((COLLECTION, S3, GENERATIONS, FEEDBACK))


def local_path(given: str) -> Path:
    """Return the path that an argument names. Raises UsageError if nothing is there."""
    path = Path(given)
    if not path.exists():
        raise UsageError(f"There is no file or folder {given}.")
    return path


def _fetch(uri: str, place: StageOptions, into: Path) -> Path:
    from infra.models.own_data import fetch_objects
    from infra.models.training import TrainingError, translate_training_errors
    from models.failures import TrainingFailure

    try:
        with translate_training_errors():
            return fetch_objects(place.find().client, uri, into)
    except (TrainingFailure, TrainingError, ValueError) as error:
        raise CommandError(str(error)) from error


def _rated(tenant: str, place: StageOptions, into: Path, output: Output) -> Path:
    """Write the pairs of a tenant's ratings as JSON Lines, and say what was left out."""
    from infra.models.feedback_pairs import FeedbackPairs
    from infra.models.training import TrainingError, translate_training_errors

    path = into / "ratings.jsonl"
    try:
        with translate_training_errors():
            dropped = FeedbackPairs(place.find(), tenant).write(path)
    except (TrainingError, ValueError) as error:
        raise CommandError(str(error)) from error
    for reason, count in sorted(dropped.items()):
        output.notice(f"Left out, {reason.replace('_', ' ')}: {count}.")
    return path


def _collect(target: UserContext, name: str, into: Path) -> Path:
    """Write the texts of a collection's documents as JSON Lines; each document is a group."""
    path = into / f"{name.replace('/', '_')}.jsonl"
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for document in target.api.documents(collection=name, status="ready", limit=100):
            for text in _texts(target, document["document_id"], document["pages"]):
                file.write(json.dumps({"text": text, "group": document["path"]}) + "\n")
                count += 1
    if not count:
        raise CommandError(f"The collection {name!r} has no text of documents that are ready.")
    return path


def _texts(target: UserContext, document_id: str, pages: int) -> Iterator[str]:
    """Yield the text of a document, in several where it is long."""
    held: list[str] = []
    for number in range(1, pages + 1):
        text = whole_page(target.api, document_id, number)["text"].strip()
        if text:
            held.append(text)
        if held and (sum(map(len, held)) > _ROW_CHARACTERS or number == pages):
            yield "\n\n".join(held)
            held = []
