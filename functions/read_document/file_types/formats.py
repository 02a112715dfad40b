"""The formats that can be read, and the type of a model's guess at a file's format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class ContentGuess:
    """The type that a model assigns to a file's content, in magika's terms."""

    label: str
    media_type: str
    description: str
    is_text: bool
    group: str = ""


Identify = Callable[[bytes], ContentGuess]


class Format(Enum):
    """The formats that can be read."""

    PLAIN = auto()
    MARKDOWN = auto()
    RST = auto()
    HTML = auto()
    PDF = auto()
    CSV = auto()
    TSV = auto()
    JSON = auto()
    JSONL = auto()
    XML = auto()
    CODE = auto()
    EML = auto()
    RTF = auto()
    DOCX = auto()
    PPTX = auto()
    XLSX = auto()
    ODT = auto()
    ODS = auto()
    ODP = auto()
    EPUB = auto()
    ZIP = auto()
    PICTURE = auto()
    RECORDING = auto()


YAML_TYPE = "text/x-yaml"


@dataclass(frozen=True, slots=True)
class FileType:
    """The format by which a file is read, and its media type."""

    format: Format
    media_type: str
