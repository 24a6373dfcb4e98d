"""What is wrong with a set of rules, said before any image comes."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import pairwise, product
from math import prod

from db.self_test import SELF_TEST_RULE
from dicom_node.routing.conditions import Ages, Alternative, Condition
from dicom_node.routing.rules import Rule

# More combinations of alternatives than this are not looked through: such a rule passes.
_COMBINATIONS_MAX = 1000


class RuleRefused(Exception):
    """A rule cannot be meant as it is written; the message says which one and why."""


class DuplicateRule(RuleRefused):
    """Two rules have one name, so nobody could tell which of them hit."""


class ReservedName(RuleRefused):
    """A rule is called as the node's own is, which no statistics count."""


class UnknownDestination(RuleRefused):
    """A rule sends results to a destination that is not set."""


class UnreachableRule(RuleRefused):
    """Earlier rules take every image that the rule would hit."""


def check_rules(rules: Sequence[Rule], destinations: Collection[str]) -> None:
    """RuleRefused where the rules cannot be meant so; `destinations` are the names that are set."""
    for position, rule in enumerate(rules, start=1):
        label = label_of(position, rule.name)
        _refuse_known_name(label, rule, rules[: position - 1])
        _refuse_unknown_destinations(label, rule, destinations)
        _refuse_unreachable(label, rule, rules[: position - 1])


def label_of(position: int, name: object) -> str:
    """How messages name a rule: its place, counted from 1, and its name where it has one."""
    return f"rules[{position}]" + (f" '{name}'" if isinstance(name, str) and name else "")


def nearest(word: str, known: Collection[str]) -> str:
    """The question whether a known word was meant, where one is near, capitals or not."""
    spelled = {one.casefold(): one for one in known}
    matches = get_close_matches(word.casefold(), spelled, n=1, cutoff=0.5)
    return f"; did you mean {spelled[matches[0]]}?" if matches else ""


def _refuse_known_name(label: str, rule: Rule, earlier: Sequence[Rule]) -> None:
    if rule.name == SELF_TEST_RULE:
        raise ReservedName(f"{label}: the node's own rule has this name; choose another")
    for position, other in enumerate(earlier, start=1):
        if other.name == rule.name:
            raise DuplicateRule(f"{label}: rules[{position}] has the same name")


def _refuse_unknown_destinations(label: str, rule: Rule, known: Collection[str]) -> None:
    for name in rule.destinations or ():
        if name not in known:
            listed = f"known are {', '.join(sorted(known))}" if known else "no destination is set"
            hint = nearest(name, known) or f"; {listed}"
            raise UnknownDestination(f"{label}: unknown destination {name}{hint}")


def _refuse_unreachable(label: str, rule: Rule, earlier: Sequence[Rule]) -> None:
    takers = _takers(rule, earlier)
    if takers:
        names = " and ".join(label_of(earlier.index(taker) + 1, taker.name) for taker in takers)
        verb = "takes" if len(takers) == 1 else "take"
        raise UnreachableRule(
            f"{label}: can never hit, for {names} before it {verb} every image it asks for; "
            "move it up, or ask for more there"
        )


def _takers(rule: Rule, earlier: Sequence[Rule]) -> list[Rule]:
    """The earlier rules that leave the rule nothing; empty where an image may be left."""
    takers: list[Rule] = []
    for narrow in _single_alternatives(rule, _age_limits(earlier)):
        taker = next((other for other in earlier if other.covers(narrow)), None)
        if taker is None:
            return []
        if taker not in takers:
            takers.append(taker)
    return takers


def _age_limits(rules: Sequence[Rule]) -> set[int]:
    """The years at which an age begins to be asked for, or no longer is."""
    ranges = [
        alternative
        for rule in rules
        for condition in rule.conditions
        for alternative in condition.alternatives
        if isinstance(alternative, Ages)
    ]
    return {limit for one in ranges for limit in (one.least_years, one.most_years + 1)}


def _single_alternatives(rule: Rule, age_limits: Collection[int]) -> Iterator[Rule]:
    """The rule, divided into rules whose conditions have one alternative each."""
    divided = [
        [
            Condition(condition.fact, (piece,))
            for alternative in condition.alternatives
            for piece in _pieces(alternative, age_limits)
        ]
        for condition in rule.conditions
    ]
    if prod(map(len, divided)) > _COMBINATIONS_MAX:
        yield rule
        return
    for conditions in product(*divided):
        yield replace(rule, conditions=conditions)


def _pieces(alternative: Alternative, age_limits: Collection[int]) -> list[Alternative]:
    """Ages between two limits are all asked for by the same rules."""
    if not isinstance(alternative, Ages):
        return [alternative]
    least, end = alternative.least_years, alternative.most_years + 1
    inner = sorted(limit for limit in age_limits if least < limit < end)
    return [Ages(begin, after - 1) for begin, after in pairwise([least, *inner, end])]
