"""Matching by VR, as a table of keys and values."""

import time

import pytest

from dicom_node.query_retrieve.query_keys import (
    KeyNotUnderstood,
    is_universal,
    like_pattern,
    matcher_of,
)

YAMADA = "Yamada^Tarou=山田^太郎=やまだ^たろう"

MATCHES = [
    ("LO", "P1", "P1"),
    ("LO", "P1", " P1 "),
    ("LO", "P*", "P1"),
    ("LO", "*1", "P1"),
    ("LO", "P?", "P1"),
    ("LO", "A*B*C", "A-B-B-C"),
    ("LO", "a.c", "a.c"),
    ("LO", "[ab]", "[ab]"),
    ("LO", "P1", ""),  # unknown
    ("CS", "SR", "SR"),
    ("UI", "1.2.3", "1.2.3"),
    ("IS", "007", "7"),
    ("IS", "-7", "-7"),
    ("DA", "20260102", "20260102"),
    ("DA", "20260102", "2026.01.02"),
    ("DA", "20260102-20260131", "20260131"),
    ("DA", "20260102-", "20991231"),
    ("DA", "-20260102", "19000101"),
    ("DA", "-20260102", "20260102"),
    ("TM", "1015", "101559.999"),
    ("TM", "10-11", "115959"),
    ("TM", "101500-", "10:15:00"),
    ("TM", "-101500.5", "101500.599999"),
    ("PN", "müller^jörg", "Müller^Jörg"),
    ("PN", "Müller^Jörg^^", "Müller^Jörg"),
    ("PN", "M*", "Müller^Jörg"),
    ("PN", "WEISS*", "Weiß^Anna"),
    ("PN", "Mu\u0308ller*", "Müller^Jörg"),
    ("PN", "Yamada*", YAMADA),
    ("PN", "山田*", YAMADA),
    ("PN", "山?^太郎", YAMADA),
    ("PN", "やまだ^たろう", YAMADA),
    ("PN", "=山田*", YAMADA),
    ("PN", "Yamada*=山田*", YAMADA),
    ("PN", "ヤマダ*", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
]
MISSES = [
    ("LO", "P1", "p1"),
    ("LO", "P1", "P10"),
    ("LO", "P?", "P10"),
    ("LO", "A*B*C", "A-C-B"),
    ("LO", "a.c", "abc"),
    ("LO", "[ab]", "a"),
    ("CS", "SR", "OT"),
    ("UI", "1.2.3", "1.2.30"),
    ("IS", "7", "70"),
    ("IS", "7", "seven"),
    ("DA", "20260102", "20260103"),
    ("DA", "20260102-20260131", "20260201"),
    ("DA", "20260102-", "20260101"),
    ("DA", "20260102-", "unknown"),
    ("TM", "1015", "101600"),
    ("TM", "10-11", "120000"),
    ("TM", "-101500.5", "101500.6"),
    ("PN", "Yamada", YAMADA),
    ("PN", "=Yamada*", YAMADA),
    ("PN", "Yamada*=鈴木*", YAMADA),
    ("PN", "Yamada*=山田*", "Yamada^Tarou"),
]


@pytest.mark.parametrize(("vr", "key", "value"), MATCHES)
def test_it_matches(vr: str, key: str, value: str) -> None:
    assert matcher_of(vr, (key,))(value)


@pytest.mark.parametrize(("vr", "key", "value"), MISSES)
def test_it_does_not_match(vr: str, key: str, value: str) -> None:
    assert not matcher_of(vr, (key,))(value)


@pytest.mark.parametrize(
    ("vr", "key"),
    [
        ("DA", "yesterday"),
        ("DA", "-"),
        ("DA", "20260101-20260102-20260103"),
        ("TM", "1"),
        ("TM", "10:15-x"),
        ("UI", "1.2.*"),
        ("IS", "7*"),
        ("LO", "x" * 2000),
    ],
)
def test_a_key_of_another_form_is_not_understood_and_not_repeated(vr: str, key: str) -> None:
    with pytest.raises(KeyNotUnderstood) as refusal:
        matcher_of(vr, (key,))
    assert len(key) < 3 or key not in str(refusal.value)


def test_any_of_several_values_matches() -> None:
    matches = matcher_of("UI", ("1.2", "1.3"))
    assert [matches(uid) for uid in ("1.2", "1.3", "1.4")] == [True, True, False]


@pytest.mark.parametrize(
    ("vr", "values", "expected"),
    [
        ("LO", (), True),
        ("LO", ("*",), True),
        ("PN", ("**",), True),
        ("PN", ("*^*",), True),
        ("LO", ("?",), False),
        ("UI", ("1.2",), False),
        ("DA", ("20260101-",), False),
    ],
)
def test_universal_keys(vr: str, values: tuple[str, ...], expected: bool) -> None:
    assert is_universal(vr, values) is expected


def test_the_pattern_for_the_database_says_no_more_than_the_key() -> None:
    assert like_pattern("Mül*r_%\\^J?") == "%M%l%r%J%"


def test_a_key_full_of_wild_cards_takes_no_time() -> None:
    matches = matcher_of("LO", ("*a" * 500 + "*b",))
    started_at = time.monotonic()
    assert not matches("a" * 5000)
    assert time.monotonic() - started_at < 1
