"""Deterministic names: ids derived from what they identify, keys of objects and vectors.

The same upload always gets the same id, so that a repeated step does no harm.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from chalicelib.contracts.indexes import PINNED, TERMS_SUFFIX
from chalicelib.contracts.names import COLLECTION_RULE, MAX_PATH_CHARACTERS, is_collection
from chalicelib.errors import InvalidInput

TENANT_PATTERN = r"^[a-z0-9][a-z0-9-]{1,30}$"
MAX_PATH_BYTES = 800
"""Limit of a path: leaves room for `inbox/`, tenant and collection in an S3 key's 1,024 bytes."""
INBOX = "inbox"
DOCUMENTS = "documents"

_ID_CHARACTERS = 24
_MODEL_CHARACTERS = 18
_SEQUENCER_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class InboxPlace:
    """The tenant, collection and path of a file in the inbox."""

    tenant: str
    collection: str
    path: str

    @property
    def document_id(self) -> str:
        """Return the id of the document whose versions are uploaded to this place."""
        return document_id(self.tenant, self.collection, self.path)

    @property
    def key(self) -> str:
        """Return the S3 key."""
        return f"{INBOX}/{self.tenant}/{self.collection}/{self.path}"


def parse_inbox_key(key: str) -> InboxPlace:
    """Parse an S3 key `inbox/{tenant}/{collection}/{path}`.

    Raises:
        InvalidInput: the key has another form.
    """
    parts = key.split("/", 3)
    if len(parts) != 4 or parts[0] != INBOX:
        raise InvalidInput(f"{key!r} is not {INBOX}/TENANT/COLLECTION/PATH.", field="key")
    place = InboxPlace(parts[1], parts[2], parts[3])
    if not re.fullmatch(TENANT_PATTERN, place.tenant):
        raise InvalidInput(
            f"{place.tenant!r} is no tenant's name.", field="tenant", limit=TENANT_PATTERN
        )
    check_collection(place.collection)
    check_path(place.path)
    return place


def check_collection(name: str) -> None:
    """Raise `InvalidInput` unless `name` can name a collection."""
    if not is_collection(name):
        raise InvalidInput(f"collection: {COLLECTION_RULE}.", field="collection")


def check_path(path: str) -> None:
    """Raise `InvalidInput` unless `path` can name a document."""
    if not path or len(path) > MAX_PATH_CHARACTERS:
        raise InvalidInput(
            f"The path has {len(path)} characters; it needs 1 to {MAX_PATH_CHARACTERS}.",
            field="path",
            limit=str(MAX_PATH_CHARACTERS),
        )
    if len(_utf8(path)) > MAX_PATH_BYTES:
        raise InvalidInput(
            f"The path has more than {MAX_PATH_BYTES} bytes in UTF-8.",
            field="path",
            limit=str(MAX_PATH_BYTES),
        )
    if path.endswith("/"):
        raise InvalidInput("The path names a folder; it must name a file.", field="path")
    if any(ord(character) < ord(" ") or character == "\x7f" for character in path):
        raise InvalidInput("The path holds a control character.", field="path")


def document_id(tenant: str, collection: str, path: str) -> str:
    """Return the id of the document at `path`."""
    return "doc_" + _digest(tenant, collection, path)


def version_id(bucket: str, key: str, object_version_id: str) -> str:
    """Return the id of the document version that one S3 object version becomes."""
    return "v_" + _digest(bucket, key, object_version_id)


def version_order(sequencer: str) -> str:
    """Return an S3 event's sequencer as a string that sorts in the order of the events.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    if not re.fullmatch(r"[0-9A-Fa-f]{1,32}", sequencer):
        raise InvalidInput(f"{sequencer!r} is not an S3 sequencer.", field="sequencer")
    return sequencer.upper().ljust(_SEQUENCER_CHARACTERS, "0")


def version_prefix(tenant: str, document: str, version: str) -> str:
    """Return the prefix of the S3 objects of one version, with its final slash."""
    return f"{DOCUMENTS}/{tenant}/{document}/{version}/"


def part_prefix(tenant: str, document: str, version: str, part: int | None) -> str:
    """Return the prefix of the S3 objects of one part of a version, or of all of it."""
    whole = version_prefix(tenant, document, version)
    return whole if part is None else f"{whole}parts/{part:04d}/"


def pages_key(tenant: str, document: str, version: str, part: int | None = None) -> str:
    """Return the S3 key of the pages of one version, or of one part of it."""
    return part_prefix(tenant, document, version, part) + "pages.jsonl"


def words_key(tenant: str, document: str, version: str, part: int | None = None) -> str:
    """Return the S3 key of the words with boxes of one version, or of one part of it."""
    return part_prefix(tenant, document, version, part) + "words.jsonl"


def times_key(tenant: str, document: str, version: str, part: int | None = None) -> str:
    """Return the S3 key of the times of a recording's words, or of one part of it."""
    return part_prefix(tenant, document, version, part) + "times.jsonl"


def captions_key(tenant: str, document: str, version: str, form: str) -> str:
    """Return the S3 key of the captions of a recording in one of their forms."""
    return version_prefix(tenant, document, version) + f"captions.{form}"


def outline_key(tenant: str, document: str, version: str) -> str:
    """Return the S3 key of the outline of a recording."""
    return version_prefix(tenant, document, version) + "outline.json"


def shots_key(tenant: str, document: str, version: str, part: int) -> str:
    """Return the S3 key of the shots of one part of a film."""
    return part_prefix(tenant, document, version, part) + "shots.jsonl"


def frame_key(tenant: str, document: str, version: str, part: int, frame: int) -> str:
    """Return the S3 key of a frame of one part of a film, a JPEG."""
    return part_prefix(tenant, document, version, part) + f"frames/{frame:04d}.jpg"


def screen_key(tenant: str, document: str, version: str, part: int) -> str:
    """Return the S3 key of the texts on the frames of one part of a film."""
    return part_prefix(tenant, document, version, part) + "screen.jsonl"


def seen_key(tenant: str, document: str, version: str, part: int) -> str:
    """Return the S3 key of what is seen on the frames of one part of a film."""
    return part_prefix(tenant, document, version, part) + "seen.jsonl"


def chunks_key(tenant: str, document: str, version: str, part: int | None = None) -> str:
    """Return the S3 key of the chunks of one version, or of one part of it."""
    return part_prefix(tenant, document, version, part) + "chunks.jsonl"


def sound_key(tenant: str, document: str, version: str, part: int) -> str:
    """Return the S3 key of a part of a version's sound: 16 bits, mono, 16 kHz, without a header."""
    return part_prefix(tenant, document, version, part) + "sound.pcm"


def film_key(tenant: str, document: str, version: str, part: int) -> str:
    """Return the S3 key of the frames of one part of a film, copied, in Matroska."""
    return part_prefix(tenant, document, version, part) + "film.mkv"


def speech_key(tenant: str, document: str, version: str, part: int) -> str:
    """Return the S3 key of what is said in a part of a version's sound."""
    return part_prefix(tenant, document, version, part) + "speech.json"


def job_sound_key(tenant: str, document: str, version: str) -> str:
    """Return the S3 key of the sound that a transcription job is sent, a WAV file."""
    return part_prefix(tenant, document, version, None) + "parts/speech_job/sound.wav"


def job_pieces_key(tenant: str, document: str, version: str) -> str:
    """Return the S3 key of where the pieces of a job's sound are in the recording."""
    return part_prefix(tenant, document, version, None) + "parts/speech_job/pieces.jsonl"


def job_transcript_key(tenant: str, document: str, version: str) -> str:
    """Return the S3 key of what a transcription job writes."""
    return part_prefix(tenant, document, version, None) + "parts/speech_job/transcript.json"


def job_reservation_key(tenant: str, document: str, version: str) -> str:
    """Return the S3 key of what is reserved of a budget for a transcription job."""
    return part_prefix(tenant, document, version, None) + "parts/speech_job/reservation.json"


def picture_key(tenant: str, document: str, version: str) -> str:
    """Return the S3 key of a served model's vector of one version, an image."""
    return version_prefix(tenant, document, version) + "picture.json"


def reembedded_key(tenant: str, job: str, document: str) -> str:
    """Return the S3 key of the vector of an image that a re-embedding job made."""
    return f"jobs/{tenant}/{job}/pictures/{document}.json"


def text_index_name(tenant: str, model: str, suffix: str = "") -> str:
    """Return the name of an index of a tenant's texts, whose passages carry their search terms.

    Indexes from before there were terms are named without the last part. Of a version of a model
    that the stage trained, the beginning of its name is taken: an index's name has 63 characters,
    and the pointer record says which model it is of.
    """
    if PINNED in model:
        model = model.partition(PINNED)[0][:_MODEL_CHARACTERS].rstrip(".-")
    return f"{tenant}-{model}{suffix}{TERMS_SUFFIX}"


def image_index_name(tenant: str, model: str, dimensions: int) -> str:
    """Return the name of the index of a tenant's images by a served model.

    Versions of a model may differ in their dimensions, and an index has vectors of one kind only. A
    tenant's name has no dot, so that no other tenant's index has this name.
    """
    return f"{tenant}-pictures.{model}.{dimensions}"


def image_index_model(index: str) -> str:
    """Return the model whose vectors are in the index that `image_index_name` named."""
    return index.partition(".")[2].rpartition(".")[0]


def image_index_dimensions(index: str) -> int:
    """Return the dimensions of the vectors in the index that `image_index_name` named."""
    return int(index.rpartition(".")[2])


def members_key(tenant: str, document: str, version: str) -> str:
    """Return the S3 key of the list of files that one version of a container holds."""
    return version_prefix(tenant, document, version) + "members.jsonl"


def vector_key(document: str, version: str, n: int) -> str:
    """Return the key of the vector of chunk `n`, counted from 0."""
    return f"{document}/{version}/{n:06d}"


def _utf8(path: str) -> bytes:
    try:
        return path.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("The path is not valid Unicode.", field="path") from error


def _digest(*parts: str) -> str:
    """Return 24 lower-case base32 characters; each part's length is hashed with it.

    So two different lists of parts never give the same bytes to hash.
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return base64.b32encode(digest.digest()).decode().lower()[:_ID_CHARACTERS]


MAX_DEPTH = 16
"""Folders above a file that can be filtered by; more hashes would take too much of the 2 KB."""


_HASH_CHARACTERS = 12
"""60 bits: among a million paths of a tenant, a collision has a chance of 4 in 10 million."""


def path_hash(place: str) -> str:
    """Return the hash of a path, or of a folder, which ends in "/"."""
    digest = hashlib.sha256(place.encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_HASH_CHARACTERS]


def path_hashes(path: str) -> tuple[str, ...]:
    """Return the hash of `path` and of up to `MAX_DEPTH` folders above it, outermost first."""
    parts = path.split("/")[:-1][:MAX_DEPTH]
    folders = ("/".join(parts[: depth + 1]) + "/" for depth in range(len(parts)))
    return (path_hash(path), *(path_hash(folder) for folder in folders))
