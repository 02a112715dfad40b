"""Texts of models, as files of UTF-8 can hold them."""


def whole_text(text: str) -> str:
    """Return `text` with U+FFFD in the place of each half of a surrogate pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
