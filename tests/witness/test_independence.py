"""The witness is no part of the node: what it sends, receives and judges with is its own."""

import ast
from pathlib import Path

HERE = Path(__file__).parent
ROOMS = {"cli", "db", "demo", "dicom_node", "gateway", "messages", "model", "phantom", "settings"}
ROOMS |= {"web", "worker", "logs", "http_serving", "remote_systems"}


def test_it_imports_nothing_of_the_node() -> None:
    seen: set[str] = set()
    waiting = ["tests.witness.witness", "tests.witness.sink_process", "tests.witness.studies"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        found = set(_imported(HERE.parents[1] / f"{name.replace('.', '/')}.py"))
        assert not {one.split(".")[0] for one in found} & ROOMS, name
        waiting += [one for one in found if one.startswith("tests.") and one not in seen]
    assert len(seen) > 8


def _imported(path: Path) -> list[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    froms = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return froms + plain
