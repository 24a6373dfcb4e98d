"""From each requirement to the tests that hold it: read from the markers in the tests themselves.

A test says `@pytest.mark.requirement("R-KEEP-1")`; `pytestmark` says it for all tests of a file.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

REQUIREMENTS = Path("docs", "requirements.md")
TRACE = Path("docs", "trace.md")
_ROW = re.compile(r"^\| (?P<id>R-[A-Z]+-\d+) \| (?P<text>[^|]+) \|", re.MULTILINE)
_HEAD = """# Which tests hold which requirement

Made by `python -m release trace` from the markers in the tests; the requirements are in
[requirements.md](requirements.md). What takes too long for every
change (`make soak`) is in *italics*.

"""
_SOAK = "soak"
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def write_trace(root: Path) -> list[Path]:
    path = root / TRACE
    path.write_text(trace_of(root), encoding="utf-8")
    return [path]


def trace_of(root: Path) -> str:
    """The page: a section for each requirement."""
    tests = holders_by_requirement(root)
    sections = (_section(one, text, tests[one]) for one, text in requirements(root).items())
    return _HEAD + "\n".join(sections)


def requirements(root: Path) -> dict[str, str]:
    """What is required, by its number, in the order of the page."""
    page = (root / REQUIREMENTS).read_text(encoding="utf-8")
    return {row["id"]: row["text"].strip() for row in _ROW.finditer(page)}


def holders_by_requirement(root: Path) -> Mapping[str, list[str]]:
    """The tests marked with each number, as they are written on the page."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((root / "tests").rglob("test_*.py")):
        for name, marks in _marked_tests(ast.parse(path.read_text(encoding="utf-8"))):
            written = f"`{path.relative_to(root)}` {name}"
            for requirement in _requirements_in(marks):
                found[requirement].append(f"*{written}*" if _SOAK in _names(marks) else written)
    return found


def _section(requirement: str, text: str, tests: Sequence[str]) -> str:
    lines = "".join(f"- {test}\n" for test in tests)
    return f"## {requirement}\n\n{text}\n\n{lines}"


def _marked_tests(module: ast.Module) -> Iterator[tuple[str, list[ast.expr]]]:
    """Each test with its own marks and those of its file."""
    of_all = [
        node.value for node in module.body if isinstance(node, ast.Assign) and _is_pytestmark(node)
    ]
    for node in module.body:
        if isinstance(node, _Definition) and node.name.startswith(("test_", "Test")):
            yield node.name, [*of_all, *node.decorator_list]


def _is_pytestmark(node: ast.Assign) -> bool:
    return any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    )


def _requirements_in(marks: Sequence[ast.expr]) -> list[str]:
    return [
        argument.value
        for call in _walk(marks)
        if isinstance(call, ast.Call) and _is_mark(call.func, "requirement")
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def _names(marks: Sequence[ast.expr]) -> set[str]:
    """Of the marks themselves: what stands inside one, for a parameter, is not the test's."""
    named = set()
    for mark in marks:
        if isinstance(mark, ast.List):
            named |= _names(mark.elts)
        elif isinstance(mark, ast.Attribute):
            named.add(mark.attr)
    return named


def _walk(marks: Sequence[ast.expr]) -> Iterator[ast.AST]:
    for mark in marks:
        yield from ast.walk(mark)


def _is_mark(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == name
