"""Rules as they are written in osteon.toml, a table `[[rules]]` each, made into typed rules."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
)

from db.priorities import Priority
from dicom_node.routing.checks import RuleRefused, label_of, nearest
from dicom_node.routing.conditions import Ages, Condition, Fact
from dicom_node.routing.rules import Rule
from dicom_node.routing.terms import ImpossibleTerm, read_alternative

_AGE_MAX_YEARS = 150
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class UnknownKey(RuleRefused):
    """A rule has a key that means nothing."""


class WrongValue(RuleRefused):
    """A key has a value of the wrong kind, or two keys contradict each other."""


class ImpossibleCondition(RuleRefused):
    """No image can ever meet the condition."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _on_one_line(text: str) -> str:
    if _CONTROL_CHARACTER.search(text):
        raise ValueError("should be one line without control characters")
    return text


OnOneLine = AfterValidator(_on_one_line)
Texts = Annotated[tuple[StrictStr, ...], BeforeValidator(_listed)]
Years = Annotated[StrictInt, Field(ge=0, le=_AGE_MAX_YEARS)]
Word = Literal["low", "normal", "high", "stat"]


class RuleTable(BaseModel):
    """The keys of a rule; a condition may be one text or a list of which one must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[StrictStr, Field(min_length=1), OnOneLine]
    calling_ae_title: Texts | None = None
    called_ae_title: Texts | None = None
    address: Texts | None = None
    sop_class: Texts | None = None
    modality: Texts | None = None
    body_part: Texts | None = None
    study_description: Texts | None = None
    series_description: Texts | None = None
    station: Texts | None = None
    institution: Texts | None = None
    department: Texts | None = None
    min_age_years: Years | None = None
    max_age_years: Years | None = None

    analyse: StrictBool = True
    reason: Annotated[StrictStr, Field(min_length=1, max_length=200), OnOneLine] | None = None
    priority: Word = "normal"
    destinations: Texts | None = None


def read_rules(tables: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules in their order; RuleRefused at the first that cannot be meant as it is written."""
    return tuple(_read_rule(position, table) for position, table in enumerate(tables, start=1))


def _read_rule(position: int, table: Mapping[str, Any]) -> Rule:
    label = label_of(position, table.get("name"))
    try:
        written = RuleTable.model_validate(dict(table))
    except ValidationError as error:
        raise _explained(label, error) from error
    _refuse_contradictions(label, written)
    return Rule(
        name=written.name,
        conditions=(*_conditions(label, written), *_ages(label, written)),
        analyse=written.analyse,
        reason=written.reason,
        priority=Priority[written.priority.upper()],
        destinations=written.destinations,
    )


def _explained(label: str, error: ValidationError) -> RuleRefused:
    problem = error.errors(include_url=False)[0]
    key = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return UnknownKey(f"{label}: unknown key {key}{nearest(key, RuleTable.model_fields)}")
    if problem["type"] == "missing":
        return WrongValue(f"{label}: {key} is missing")
    said = (
        problem["msg"]
        .removeprefix("Value error, ")
        .replace("Input should", "should")
        .replace("valid tuple", "list of texts")
    )
    return WrongValue(f"{label}: {key} {said[0].lower()}{said[1:]}")


def _refuse_contradictions(label: str, written: RuleTable) -> None:
    if not written.analyse and written.reason is None:
        raise WrongValue(
            f"{label}: analyse = false needs a reason, which becomes the image's result"
        )
    if written.analyse and written.reason is not None:
        raise WrongValue(f"{label}: reason is for analyse = false only")


def _conditions(label: str, written: RuleTable) -> list[Condition]:
    conditions = []
    for fact in Fact:
        texts: tuple[str, ...] | None = getattr(written, fact.value, None)
        if texts is not None:
            conditions.append(_condition(label, fact, texts))
    return conditions


def _condition(label: str, fact: Fact, texts: tuple[str, ...]) -> Condition:
    if not texts:
        raise ImpossibleCondition(f"{label}: {fact} lists nothing, so the rule can never hit")
    try:
        return Condition(fact, tuple(read_alternative(fact, text) for text in texts))
    except ImpossibleTerm as problem:
        raise ImpossibleCondition(f"{label}: {fact}: {problem}") from problem


def _ages(label: str, written: RuleTable) -> list[Condition]:
    if written.min_age_years is None and written.max_age_years is None:
        return []
    least = written.min_age_years or 0
    most = _AGE_MAX_YEARS if written.max_age_years is None else written.max_age_years
    if least > most:
        raise ImpossibleCondition(f"{label}: min_age_years {least} is above max_age_years {most}")
    return [Condition(Fact.PATIENT_AGE_YEARS, (Ages(least, most),))]
