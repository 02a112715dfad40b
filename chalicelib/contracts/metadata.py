"""What a user tells of a document beside its text: names with typed values."""

from __future__ import annotations

from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

MetadataValue = StrictBool | StrictInt | StrictFloat | StrictStr | tuple[StrictStr, ...]
Metadata = dict[str, MetadataValue]
