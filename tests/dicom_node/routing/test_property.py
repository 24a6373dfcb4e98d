"""Whatever the rules and the image: the decision is a naive reader's, and dead rules are dead."""

import itertools
import re
from ipaddress import ip_address, ip_network
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from db.priorities import Priority
from dicom_node.routing.checks import UnreachableRule, check_rules
from dicom_node.routing.rules import RoutedImage, decide, explain
from dicom_node.routing.table import read_rules

AES = ["ER1", "WARD"]
PARTS = ["HAND", "FOOT", "HANDS"]
WORDS = ["left", "hand", "wrist"]
HOSTS = ["10.0.0.1", "10.0.3.7", "fe80::1"]
NETWORKS = ["10.0.0.0/8", "10.0.3.0/24", "10.0.3.7", "fe80::/10"]

Table = dict[str, Any]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


PHRASES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True).map(" ".join)
PATTERNS = st.sampled_from(["*and*", "*t h*", "left*", "*?rist*"])
ASKED = {
    "calling_ae_title": some(AES),
    "address": some(NETWORKS),
    "body_part": some([*PARTS, "HAND*", "*S", "*AN*", "H??D?"]),
    "study_description": st.lists(PHRASES | PATTERNS, min_size=1, max_size=2),
    "max_age_years": st.integers(0, 3),
}
AGES = st.fixed_dictionaries(
    {}, optional={"min_age_years": st.integers(0, 1), "max_age_years": st.integers(1, 3)}
)
CONDITIONS = st.fixed_dictionaries({}, optional=ASKED)
ACTIONS = st.fixed_dictionaries(
    {"priority": st.sampled_from(["low", "normal", "high", "stat"])},
    optional={"destinations": some(["A", "B", "C"])},
)


def _named(tables: list[tuple[Table, Table]]) -> list[Table]:
    return [{"name": f"r{number}", **asked, **done} for number, (asked, done) in enumerate(tables)]


TABLES = st.lists(st.tuples(CONDITIONS, ACTIONS), max_size=5).map(_named)
# Rules that ask about one and the same fact: there the one may well take all of the other's images.
RIVALS = (
    st.sampled_from(sorted(ASKED))
    .map(lambda key: st.fixed_dictionaries({key: ASKED[key]}))
    .flatmap(lambda tables: st.lists(tables | AGES, min_size=2, max_size=3))
    .map(lambda asked: _named([(one, {}) for one in asked]))
)
PHRASES_OF_IMAGES = [
    " ".join(words) for count in range(4) for words in itertools.combinations(WORDS, count)
]
ALL_IMAGES = [
    RoutedImage(
        calling_ae_title=ae,
        address=host,
        body_part=part,
        study_description=phrase,
        patient_age_years=age,
    )
    for ae, host, part, phrase, age in itertools.product(
        ["", *AES], ["", *HOSTS], ["", *PARTS], PHRASES_OF_IMAGES, [None, 0, 1, 3]
    )
]
IMAGES = st.sampled_from(ALL_IMAGES)


def naive_hits(table: Table, image: RoutedImage) -> bool:
    """A rule read word for word, by other means than the node's."""
    part = image.body_part
    asked = {
        "calling_ae_title": lambda ae: ae == image.calling_ae_title,
        "address": lambda net: image.address and ip_address(image.address) in ip_network(net),
        "body_part": lambda p: (
            re.fullmatch(p.replace("*", ".*").replace("?", "."), part) is not None
        ),
        "study_description": lambda w: (
            re.fullmatch(w.replace("*", ".*").replace("?", "."), image.study_description)
            if "*" in w
            else set(w.split()) <= set(image.study_description.split())
        ),
    }
    for key, holds in asked.items():
        if key in table and not any(map(holds, table[key])):
            return False
    age = image.patient_age_years
    return "max_age_years" not in table or (age is not None and age <= table["max_age_years"])


@settings(max_examples=150, deadline=None)
@given(TABLES, IMAGES)
def test_the_decision_is_a_naive_readers(tables: list[Table], image: RoutedImage) -> None:
    rules = read_rules(tables)
    hitting = [table for table in tables if naive_hits(table, image)]
    decided = decide(rules, image)
    assert [trial.rule for trial in explain(rules, image) if trial.hits] == [
        table["name"] for table in hitting
    ]
    expected: Table = hitting[0] if hitting else {"name": None, "priority": "normal"}
    assert (decided.rule, decided.priority) == (
        expected["name"],
        Priority[expected["priority"].upper()],
    )
    assert decided.destinations == (
        tuple(expected["destinations"]) if "destinations" in expected else None
    )


@settings(max_examples=60, deadline=None)
@given(RIVALS)
def test_a_rule_that_is_called_unreachable_never_decides(tables: list[Table]) -> None:
    rules = read_rules(tables)
    try:
        check_rules(rules, ["A", "B", "C"])
    except UnreachableRule as refusal:
        (dead,) = [rule for rule in rules if f"'{rule.name}': can never" in str(refusal)]
        hit = [image for image in ALL_IMAGES if dead.hits(image)]
        assert all(decide(rules, image).rule != dead.name for image in hit)
