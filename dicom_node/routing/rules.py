"""Routing rules: the first that hits an image decides what becomes of it; see docs/routing.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from db.priorities import Priority
from dicom_node.routing.conditions import Condition, Fact

NO_RULE_HITS = "no rule hits, so nothing is special about the image"


@dataclass(frozen=True)
class RoutedImage:
    """What rules may ask of an image: how it came and what its header states; '' is not stated."""

    calling_ae_title: str = ""
    called_ae_title: str = ""
    address: str = ""
    sop_class: str = ""  # UID
    modality: str = ""
    body_part: str = ""
    study_description: str = ""
    series_description: str = ""
    station: str = ""
    institution: str = ""
    department: str = ""
    patient_age_years: int | None = None
    patient_id: str = field(default="", repr=False)  # patient data: no log has it

    def stated(self, fact: Fact) -> str:
        value: str | int | None = getattr(self, fact.value)
        return "" if value is None else str(value)


@dataclass(frozen=True)
class Rule:
    """If all conditions hold, this is what becomes of the image.

    `analyse` is a permission: what the classifier does not cover is not analysed either way.
    `destinations` None: all of them; empty: none.
    """

    name: str
    conditions: tuple[Condition, ...] = ()
    analyse: bool = True
    reason: str | None = None  # why it is not analysed
    priority: Priority = Priority.NORMAL
    destinations: tuple[str, ...] | None = None

    def hits(self, image: RoutedImage) -> bool:
        return all(one.holds(image.stated(one.fact)) for one in self.conditions)

    def covers(self, other: "Rule") -> bool:
        """Whether this hits every image that the other does; False also where that is unknown."""
        return all(
            any(mine.covers(theirs) for theirs in other.conditions) for mine in self.conditions
        )


DEFAULT = Rule("")


@dataclass(frozen=True)
class ConditionTrial:
    """A condition held against an image."""

    fact: Fact
    holds: bool
    asked: str
    stated: str

    def __str__(self) -> str:
        stated = f"is {self.stated}" if self.stated else "is not stated"
        return f"{self.fact} {stated}" + ("" if self.holds else f", asked is {self.asked}")


@dataclass(frozen=True)
class RuleTrial:
    """A rule held against an image, and the conditions that made it hit or miss."""

    rule: str
    conditions: tuple[ConditionTrial, ...]

    @property
    def hits(self) -> bool:
        return all(trial.holds for trial in self.conditions)

    @property
    def why(self) -> tuple[str, ...]:
        """What decided: all that held where the rule hits, else what did not."""
        decisive = [str(trial) for trial in self.conditions if trial.holds == self.hits]
        return tuple(decisive) or ("it asks nothing",)


@dataclass(frozen=True)
class Decision:
    """What becomes of an image, by which rule and why; `rule` None: none hit.

    A study goes to all the destinations of its images, at the highest of their priorities.
    """

    analyse: bool
    reason: str | None
    priority: Priority
    destinations: tuple[str, ...] | None
    rule: str | None
    why: tuple[str, ...]


def decide(rules: Sequence[Rule], image: RoutedImage) -> Decision:
    """The first rule that hits decides all; where none does, the image is treated as any other."""
    rule = next((rule for rule in rules if rule.hits(image)), None)
    outcome = DEFAULT if rule is None else rule
    return Decision(
        analyse=outcome.analyse,
        reason=outcome.reason,
        priority=outcome.priority,
        destinations=outcome.destinations,
        rule=None if rule is None else rule.name,
        why=(NO_RULE_HITS,) if rule is None else try_rule(rule, image).why,
    )


def explain(rules: Iterable[Rule], image: RoutedImage) -> list[RuleTrial]:
    """Every rule held against the image, also those after the one that decides."""
    return [try_rule(rule, image) for rule in rules]


def try_rule(rule: Rule, image: RoutedImage) -> RuleTrial:
    trials = (_try(condition, image.stated(condition.fact)) for condition in rule.conditions)
    return RuleTrial(rule.name, tuple(trials))


def _try(condition: Condition, stated: str) -> ConditionTrial:
    return ConditionTrial(condition.fact, condition.holds(stated), str(condition), stated)
