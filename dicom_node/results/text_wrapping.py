"""Text broken into lines that fit, and cut with a mark where there are too many."""

from collections.abc import Callable

_CUT = " ..."


def wrapped(text: str, fits: Callable[[str], bool], most_lines: int) -> list[str]:
    """At most so many lines, broken at spaces, and inside a word only where it fits in no line."""
    lines: list[str] = []
    rest = text.strip()
    while rest and len(lines) < most_lines:
        line, rest = _first_line(rest, fits)
        lines.append(line)
    if rest:
        lines[-1] = _cut(lines[-1], fits)
    return lines


def _first_line(text: str, fits: Callable[[str], bool]) -> tuple[str, str]:
    """What fits of the text, at least one character, and the rest."""
    if fits(text):
        return text, ""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if not fits(longer):
            break
        line = longer
    if not line:
        line = _start_of(text, fits)
    return line, text[len(line) :].lstrip()


def _start_of(text: str, fits: Callable[[str], bool]) -> str:
    """The longest start that fits, found by halving: a value may have thousands of characters."""
    fitting, failing = 1, len(text)
    while failing - fitting > 1:
        middle = (fitting + failing) // 2
        if fits(text[:middle]):
            fitting = middle
        else:
            failing = middle
    return text[:fitting]


def _cut(line: str, fits: Callable[[str], bool]) -> str:
    while line and not fits(line + _CUT):
        line = line[:-1]
    return line.rstrip() + _CUT
