"""Wrapped text fits, keeps every word, and shows where it was cut."""

import pytest

from dicom_node.results.text_wrapping import wrapped


def _fits(text: str) -> bool:
    return len(text) <= 10


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("one", ["one"]),
        ("one two three four", ["one two", "three four"]),
        ("0123456789abcde f", ["0123456789", "abcde f"]),
        ("to 0123456789abc", ["to", "0123456789", "abc"]),
        ("  spaced   out  ", ["spaced  ", "out"]),
    ],
)
def test_lines_break_at_spaces_and_in_words_only_where_they_must(
    text: str, lines: list[str]
) -> None:
    assert [line.rstrip() for line in wrapped(text, _fits, 9)] == [line.rstrip() for line in lines]


def test_what_does_not_fit_is_cut_with_a_mark() -> None:
    lines = wrapped("one two three four five six", _fits, 2)
    assert lines == ["one two", "three ..."]
    assert all(map(_fits, lines))


def test_a_place_too_narrow_for_a_letter_gets_one_a_line() -> None:
    assert wrapped("ab", lambda text: not text, 5) == ["a", "b"]
