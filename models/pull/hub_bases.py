"""Base models of a hub: pulled by Hugging Face's protocol, from its hub or a mirror of it.

    folder = hub_base(BaseReference("hub", "HuggingFaceTB/SmolLM2-135M", "main"))

`HF_ENDPOINT` names a mirror, `HF_TOKEN` is sent to the hub alone. Only settings, tokenizer and
safetensors are fetched; nothing of a repository is run. A revision is resolved to its commit, which
names the folder. What was fetched of a file is kept when a pull ends early, and the next goes on
there: huggingface_hub's whole downloads begin anew in another process, so its parts are used here.

https://huggingface.co/docs/huggingface_hub/package_reference/file_download
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import HfApi, ModelCardData, constants, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import get_hf_file_metadata, http_get
from huggingface_hub.hf_api import ModelInfo

from models import files
from models.bases.folder import CONFIG, PIPELINE, read_base
from models.failures import DiskFull
from models.pull.base_folders import (
    BaseOrigin,
    base_files,
    finish_folder,
    require_architecture,
)
from models.pull.base_references import BaseReference, NoBase
from models.pull.cache import PullProgress, Report, WrongHash
from models.pull.licences import UNKNOWN, require_accepted
from models.pull.shipped_bases import BASES, is_kept

ANSWER_S = 10.0
"""How long an answer may take to begin; a body is waited for as HF_HUB_DOWNLOAD_TIMEOUT says."""
_REST_S = 1.0
_BUSY = (429, 500, 502, 503, 504)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_STAGING = ".staging"
_SPARE = 64 << 20
"""Bytes that have to stay free on the disk."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository: its size in bytes, and its hash as git or as LFS knows it."""

    name: str
    bytes: int
    sha256: str
    git_sha1: str


@dataclass(frozen=True, slots=True)
class HubAccess:
    """How a hub is reached. `token` is empty without one."""

    endpoint: str
    token: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> HubAccess:
        """Read it from the environment, as huggingface_hub does."""
        endpoint = environ.get("HF_ENDPOINT") or constants.ENDPOINT
        return cls(endpoint.rstrip("/"), environ.get("HF_TOKEN", "").strip())


def hub_base(
    wanted: BaseReference,
    into: Path = BASES,
    progress: Report = lambda _: None,
    access: HubAccess | None = None,
    accepted: frozenset[str] = frozenset(),
) -> Path:
    """Return the folder of a base model of a hub, after pulling what is missing of it.

    Raises:
        NoBase: it cannot be reached or may not be used; the message says what would help.
        WrongHash: a file is not the repository's. It is not kept.
        DiskFull: there is no room for it.
    """
    access = access or HubAccess.of(os.environ)
    folder = _folder(into, wanted.name, wanted.revision)
    if _COMMIT.fullmatch(wanted.revision) and is_kept(folder):
        record = read_base(folder).record
        require_accepted(record.name, record.licence, accepted)
        return folder
    with _as_no_base(wanted, access), files.exclusive_lock(into / _STAGING):
        info = _describe(wanted, access)
        commit = str(info.sha)
        folder = _folder(into, wanted.name, commit)
        origin = _origin(wanted, info, access, accepted)
        require_accepted(origin.name, origin.licence, accepted, origin.terms)
        if not is_kept(folder):
            listed = repository_files(info, str(wanted))
            staging = into / _STAGING / folder.name
            staging.mkdir(exist_ok=True)
            _require_room(staging, listed)
            for file in listed:  # the config comes first: no weights for what is not offered
                _fetch(file, (wanted.name, commit), staging, access, progress)
                if file.name in (CONFIG, PIPELINE):
                    require_architecture(staging, wanted.name)
            finish_folder(staging, origin)
            shutil.rmtree(folder, ignore_errors=True)
            staging.replace(folder)
    return folder


def fetch_files(
    wanted: BaseReference,
    names: Sequence[str],
    into: Path,
    access: HubAccess,
    progress: Report = lambda _: None,
) -> None:
    """Fetch files of a commit of a repository, those that an earlier try did not leave in `into`.

    Raises:
        NoBase: they cannot be reached, or the repository has no such commit or file.
        WrongHash: a file is not the repository's. It is not kept.
        DiskFull: there is no room for them.
    """
    with _as_no_base(wanted, access):
        info = _describe(wanted, access)
        found = {each.name: each for each in _listed(info)}
        missing = [name for name in names if name not in found]
        if missing or str(info.sha) != wanted.revision:
            lacks = missing[0] if missing else f"commit {wanted.revision}"
            raise NoBase(f"{access.endpoint}/{wanted.name} has no {lacks}.")
        chosen = [found[name] for name in names]
        _require_room(into, chosen)
        for file in chosen:
            _fetch(file, (wanted.name, wanted.revision), into, access, progress)


def _listed(info: ModelInfo) -> Iterator[HubFile]:
    """Yield the files of a repository, as the hub describes them."""
    for each in info.siblings or ():
        sha256 = each.lfs.sha256 if each.lfs else ""
        yield HubFile(each.rfilename, int(each.size or 0), sha256, str(each.blob_id or ""))


def _folder(into: Path, name: str, commit: str) -> Path:
    """Return where a repository's base of a commit is kept."""
    return into / f"{name.replace('/', '--')}-{commit[:12]}"


def _describe(wanted: BaseReference, access: HubAccess) -> ModelInfo:
    """Return what the hub says of a repository, asked again once if it does not answer."""
    try:
        return _ask(wanted, access)
    except (httpx2.TransportError, HfHubHTTPError) as error:
        response = getattr(error, "response", None)
        if response is not None and response.status_code not in _BUSY:
            raise
        time.sleep(_REST_S)
        return _ask(wanted, access)


def _ask(wanted: BaseReference, access: HubAccess) -> ModelInfo:
    api = HfApi(endpoint=access.endpoint, token=access.token or False)
    revision = wanted.revision or None
    return api.model_info(wanted.name, revision=revision, timeout=ANSWER_S, files_metadata=True)


def _origin(
    wanted: BaseReference, info: ModelInfo, access: HubAccess, accepted: frozenset[str]
) -> BaseOrigin:
    said = info.card_data or ModelCardData()
    licence = said.get("license") or UNKNOWN
    if licence == "other":
        licence = said.get("license_name") or UNKNOWN
    return BaseOrigin(
        name=wanted.name,
        source=f"hf:{wanted.name}",
        revision=str(info.sha),
        licence=str(licence),
        terms=str(said.get("license_link") or f"{access.endpoint}/{wanted.name}"),
        accepted=accepted,
    )


def repository_files(info: ModelInfo, where: str) -> list[HubFile]:
    """Return the files of a repository that belong to a base. Raises NoBase if it is none."""
    found = {each.name: each for each in _listed(info)}
    chosen = base_files(set(found), where)
    return [
        found[name]
        for name in sorted(chosen, key=lambda name: (name not in (CONFIG, PIPELINE), name))
    ]


def _require_room(staging: Path, listed: Sequence[HubFile]) -> None:
    missing = sum(file.bytes - _fetched(staging, file) for file in listed)
    free = shutil.disk_usage(staging).free
    if missing + _SPARE > free:
        raise DiskFull(
            f"There is no room for the base in {staging.parent}: {missing:,} bytes are missing, "
            f"{free:,} bytes are free."
        )


def _fetched(staging: Path, file: HubFile) -> int:
    for path in (staging / file.name, _part(staging / file.name)):
        if path.is_file():
            return min(path.stat().st_size, file.bytes)
    return 0


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _fetch(
    file: HubFile, at: tuple[str, str], staging: Path, access: HubAccess, progress: Report
) -> None:
    """Fetch a file unless it is there; go on with what an earlier try left of it."""
    target, part = staging / file.name, _part(staging / file.name)
    target.parent.mkdir(exist_ok=True)
    repository, commit = at
    if not (target.is_file() and _fits(target, file)):
        url = hf_hub_url(repository, file.name, revision=commit, endpoint=access.endpoint)
        headers = {"authorization": f"Bearer {access.token}"} if access.token else {}
        told = get_hf_file_metadata(
            url,
            token=access.token or False,
            timeout=ANSWER_S,
            endpoint=access.endpoint,
            retry_on_errors=True,
        )
        if told.commit_hash != commit:
            raise NoBase(
                f"{url} answers for the commit {told.commit_hash}, and {commit} was asked."
            )
        if urlsplit(told.location)[:2] != urlsplit(url)[:2]:
            headers.pop("authorization", None)
        have = part.stat().st_size if part.is_file() else 0
        if have > file.bytes:
            part.unlink()
            have = 0
        with files.disk_full_as_failure(target, file.bytes), part.open("ab") as out:
            http_get(
                told.location,
                out,
                resume_size=have,
                headers=headers,
                expected_size=file.bytes,
                displayed_filename=file.name,
            )
        if not _fits(part, file):
            part.unlink()
            raise WrongHash(
                f"{file.name} of {repository} is not the file of the commit {commit[:12]}: its "
                "hash differs. It was not kept; a proxy or the mirror may have changed it."
            )
        part.replace(target)
    progress(PullProgress(repository, "fetching", file.name, file.bytes, file.bytes))


def _fits(path: Path, file: HubFile) -> bool:
    """Return whether a file has the size and the hash that the hub names."""
    if path.stat().st_size != file.bytes:
        return False
    if file.sha256:
        return files.sha256_of_file(path) == file.sha256
    if not file.git_sha1:
        return True
    # The name of a blob in git: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    digest = hashlib.sha1(f"blob {file.bytes}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == file.git_sha1


@contextmanager
def _as_no_base(wanted: BaseReference, access: HubAccess) -> Iterator[None]:
    """Turn the errors of huggingface_hub into ones that say what to do."""
    page = f"{access.endpoint}/{wanted.name}"
    try:
        yield
    except GatedRepoError as error:
        have = "the token in HF_TOKEN has no access" if access.token else "HF_TOKEN is not set"
        raise NoBase(
            f"{wanted} is gated, and {have}. Accept its licence at {page}, make a token at "
            f"{access.endpoint}/settings/tokens and set HF_TOKEN."
        ) from error
    except RevisionNotFoundError as error:
        raise NoBase(
            f"{wanted.name} has no revision {wanted.revision!r}: see {page}/commits."
        ) from error
    except RepositoryNotFoundError as error:
        raise NoBase(
            f"{page} is not there, or is private: check OWNER/NAME; for a private one set HF_TOKEN."
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise NoBase(f"{access.endpoint} answered {status} for {wanted}; try later.") from error
    except httpx2.HTTPError as error:
        raise NoBase(
            f"{access.endpoint} cannot be reached: {error or type(error).__name__}. What was "
            "fetched is kept. Where no hub is in reach, set HF_ENDPOINT to a mirror, or name a "
            "folder."
        ) from error
