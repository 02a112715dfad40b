"""Every import that a bundle's own modules may ever make, tried out: `python -I -S FILE BUNDLE`.

Run by the Python of the bundles, which sees the standard library and one bundle. What failed is
printed as JSON, by module and statement.
"""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOTS = ("app.py", "chalicelib", "functions")


def statements(file: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the import statements of a module, those within functions included."""
    waiting: list[ast.AST] = [ast.parse(file.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.Import) or (
            isinstance(node, ast.ImportFrom) and node.module != "__future__"
        ):
            yield node
        else:
            waiting += ast.iter_child_nodes(node)


def sources(bundle: Path) -> list[Path]:
    """Return the modules of ours in a bundle."""
    found = [path for root in ROOTS for path in (bundle / root).rglob("*.py")]
    return sorted([*found, *bundle.glob("app.py")])


def main(bundle: Path) -> None:
    """Try every import out."""
    sys.path.insert(0, str(bundle))
    failed = {}
    for file in sources(bundle):
        inside = file.relative_to(bundle)
        for node in statements(file):
            try:
                exec(ast.unparse(node), {"__package__": ".".join(inside.parts[:-1])})  # noqa: S102 - our own
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                failed[f"{inside}: {ast.unparse(node)}"] = repr(error)
    json.dump(failed, sys.stdout)


main(Path(sys.argv[1]))
