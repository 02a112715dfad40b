"""XML: the text of its elements with the path to it, and their attributes.

An element that mixes text with elements is prose, and read as one text. A document type is only
named: declarations inside the file, of entities or of default attributes, are refused before they
can do harm, and nothing is ever fetched.

The attacks: https://docs.python.org/3/library/xml.html#xml-vulnerabilities
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import cast
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from chalicelib.documents.pages import page_of
from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from functions.read_document.pages import Extract
from functions.read_document.text import nested_values
from functions.read_document.text.nested_values import NamedValues, ProseText, Value, ValueList

MAX_BYTES = 32 * 1024 * 1024
"""A parsed file takes some twenty times its text in memory; `trees` bounds the text."""
MAX_ELEMENTS = 1_000_000

_STEP = 64 * 1024
_PARAGRAPHS = frozenset({"p", "para", "paragraph", "text", "head", "title", "li", "item"})
_TITLES = ("title", "head", "heading")
_LONG = 120
_BESIDE_TEXT = frozenset({"alt", "label", "title", "summary"})
_SPACES = re.compile(r"\s+")
_ENTITY_IN_ATTRIBUTE = re.compile(
    rb"""=\s*(?:"[^"<]*|'[^'<]*)&(?!(?:amp|lt|gt|quot|apos);|#)[^\s&;<"']+;"""
)


@dataclass(slots=True)
class _OpenElement:
    """An open element and its parts so far, in order; strings are its own text."""

    name: str
    attributes: list[tuple[str, str]]
    parts: list[str | tuple[str, Value]] = field(default_factory=list)


@dataclass(slots=True)
class _ValueBuilder:
    """The target of the parser: builds values as elements end."""

    open: list[_OpenElement] = field(default_factory=list)
    root: tuple[str, Value] = ("", "")
    count: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if len(self.open) >= nested_values.MAX_DEPTH:
            raise nested_values.too_deep()
        if self.count > MAX_ELEMENTS:
            raise Unsupported(
                f"The XML holds more than {MAX_ELEMENTS:,} elements. Split it into several files.",
                field="file",
                limit=str(MAX_ELEMENTS),
            )
        attributes_of_interest = [
            (_local(name), value.strip())
            for name, value in attributes.items()
            if _is_of_interest(name)
        ]
        self.open.append(
            _OpenElement(_local(tag), [pair for pair in attributes_of_interest if pair[1]])
        )

    def data(self, text: str) -> None:
        if self.open:
            self.open[-1].parts.append(text)

    def end(self, _: str) -> None:
        ended = self.open.pop()
        value = (ended.name, _value(ended))
        if self.open:
            self.open[-1].parts.append(value)
        else:
            self.root = value

    def close(self) -> tuple[str, Value]:
        return self.root


def extract(data: bytes) -> Extract:
    """Return the text of an XML file as one page.

    Raises:
        InvalidInput: it is not well formed, or nests too deep.
        Unsupported: it declares entities or other parts of a document type, or is too long.
    """
    if len(data) > MAX_BYTES:
        raise Unsupported(
            f"The XML has {len(data) / 2**20:.1f} MiB; the limit is {MAX_BYTES / 2**20:.0f} MiB."
            " Split it into several files.",
            field="file",
            limit=str(MAX_BYTES),
        )
    name, value = parse(data)
    if isinstance(value, str):
        value = NamedValues([(name, value)])
    return Extract("application/xml", (page_of(1, nested_values.blocks(value)),))


def parse(data: bytes) -> tuple[str, Value]:
    """Return the name of the root element, and what it holds.

    Raises as `extract` does.
    """
    parser = DefusedXMLParser(target=_ValueBuilder())
    parser.parser.StartDoctypeDeclHandler = _refuse_declarations
    try:
        for at in range(0, len(data), _STEP):
            parser.feed(data[at : at + _STEP])
        _check_attributes(data)
        return cast("tuple[str, Value]", parser.close())
    except ParseError as error:
        raise _syntax_error(error) from error
    except DefusedXmlException as error:
        raise _declarations_refused() from error
    except (LookupError, ValueError) as error:
        raise InvalidInput(
            f"The XML is in an encoding that cannot be read ({error}); save it as UTF-8.",
            field="file",
        ) from error


def _refuse_declarations(
    _name: str, _system_id: str | None, _public_id: str | None, has_internal_subset: int
) -> None:
    """Refuse a document type with declarations of its own.

    Entities grow when they are expanded, and default attributes with each element. The external
    subset, which `<!DOCTYPE name SYSTEM "file.dtd">` refers to, is never opened.
    https://docs.python.org/3/library/pyexpat.html#xml.parsers.expat.xmlparser.StartDoctypeDeclHandler
    """
    if has_internal_subset:
        raise _declarations_refused()


def _check_attributes(data: bytes) -> None:
    """Refuse an entity in an attribute that only an external document type can define.

    Expat reports one in text, and leaves one in an attribute out without a word.
    """
    entity = _ENTITY_IN_ATTRIBUTE.search(data.replace(b"\0", b""))
    if entity is not None:
        name = entity[0].rpartition(b"&")[2].decode("ascii", "replace")
        raise InvalidInput(
            f"The XML has the entity &{name} in an attribute, which its own text does not define."
            " Write the character itself.",
            field="file",
        )


def _declarations_refused() -> Unsupported:
    return Unsupported(
        "The XML declares entities or attributes in its document type (DTD), which are not read"
        " because they can be used to attack a reader. Remove the part of the DOCTYPE in square"
        " brackets and upload it again.",
        field="file",
    )


def _syntax_error(error: ParseError) -> HeadraceError:
    line, column = error.position
    problem = str(error).partition(":")[0]
    return InvalidInput(
        f"This is not well-formed XML: {problem} at line {line}, column {column + 1}.", field="file"
    )


def _value(element: _OpenElement) -> Value:
    """Return the value of an element: text, named values, or prose if both are mixed."""
    own = _collapse_spaces("".join(part for part in element.parts if isinstance(part, str)))
    children = [part for part in element.parts if not isinstance(part, str)]
    if own and children:
        text: Value = ProseText(
            _collapse_spaces("".join(_inline_text(part) for part in element.parts))
        )
        beside = [pair for pair in element.attributes if pair[0] in _BESIDE_TEXT]
        return NamedValues([*beside, ("", text)]) if beside else text
    if not children:
        leaf = ProseText(own) if _is_prose(element.name, own) else own
        if not element.attributes:
            return leaf
        return NamedValues([*element.attributes, ("", leaf)] if own else element.attributes)
    title = _title(children)
    if title:
        children.remove((title[0], title[1]))
        return _gather([*element.attributes, *children], title[1])
    return _gather([*element.attributes, *children])


def _title(children: list[tuple[str, Value]]) -> tuple[str, str] | None:
    """Return the child that is the title of its siblings, unless they are a record's fields."""
    title = next(((name, value) for name, value in children if name in _TITLES), None)
    if title is None or not isinstance(title[1], str) or not title[1]:
        return None
    others = [value for name, value in children if (name, value) != title]
    return (title[0], title[1]) if any(_is_rich(value) for value in others) else None


def _is_rich(value: Value) -> bool:
    return isinstance(value, ProseText) or not isinstance(value, str)


def _gather(pairs: list[tuple[str, Value]], title: str = "") -> Value:
    """Return named values, with a run of the same name as one list."""
    runs: list[tuple[str, list[Value]]] = []
    for name, value in pairs:
        if runs and runs[-1][0] == name and not isinstance(value, ProseText):
            runs[-1][1].append(value)
        else:
            runs.append((name, [value]))
    gathered = (
        (name, values[0] if len(values) == 1 else ValueList(values)) for name, values in runs
    )
    return NamedValues(gathered, title)


def _inline_text(part: str | tuple[str, Value]) -> str:
    """Return the text of a part as it reads within a sentence."""
    if isinstance(part, str):
        return part
    return _text_of(part[1])


def _text_of(value: Value) -> str:
    if isinstance(value, str):
        return value
    children = (child for _, child in value) if isinstance(value, NamedValues) else iter(value)
    return " ".join(_text_of(child) for child in children)


def _is_prose(name: str, text: str) -> bool:
    return len(text) > _LONG or (name in _PARAGRAPHS and " " in text)


def _is_of_interest(attribute: str) -> bool:
    """Return whether an attribute is of interest: XML's own and those of schemas are not."""
    return not attribute.startswith(("{http://www.w3.org/XML/", "{http://www.w3.org/2001/XMLSche"))


def _local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]


def _collapse_spaces(text: str) -> str:
    return _SPACES.sub(" ", text).strip()
