"""Projection expressions.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ProjectionExpressions.html
"""

from __future__ import annotations

from functools import lru_cache

from localcloud.dynamodb.expressions.paths import Path, check_distinct
from localcloud.dynamodb.expressions.syntax import ExpressionParser, Names, Parsed

LABEL = "ProjectionExpression"


@lru_cache(maxsize=512)
def parse_projection(text: str, names: Names) -> Parsed[tuple[Path, ...]]:
    """Parse a projection. Raises AwsError if it is not valid."""
    parser = ExpressionParser(text, LABEL, names)
    paths = [parser.path()]
    while parser.cursor.take_mark(","):
        paths.append(parser.path())
    parsed = parser.finish(tuple(paths))
    check_distinct(paths, LABEL)
    return parsed
