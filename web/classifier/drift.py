"""Whether what comes in, or what is said of it, has changed: said plainly, and only if it is much.

The last week is compared with up to eight before it, sender by sender. An alarm says that somebody
should look, not that the classifier is wrong: a new trauma room is a change too.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from db.drift import Mix, Mixes
from web.words import N_

WEEKS = 9
# Fewer images than these say nothing.
LEAST_NOW, LEAST_BEFORE = 30, 100
# One such by chance in a thousand comparisons, and a change that somebody would care about.
_Z = 3.29
_LEAST_CHANGE = 0.05
# The usual bound of the population stability index for "it is another population".
_SHIFTED = 0.25

POSITIVE = N_("fractures and possibles")
NOT_ANALYSED = N_("images not analysed")
PROBABILITIES = N_("spread of probabilities")
VIEWS = N_("mix of views")
REGIONS = N_("mix of regions")


@dataclass(frozen=True)
class Alarm:
    """What changed; shares before and now, or how far a mix has shifted."""

    source: str
    what: str
    before: float | None
    now: float | None
    shift: float | None
    images_now: int


def alarms(mixes: Mixes) -> list[Alarm]:
    return [alarm for source, weeks in mixes.items() for alarm in _of_source(source, weeks)]


def before_and_now(weeks: Sequence[Mix]) -> tuple[Mix, Mix]:
    """All weeks but the last as one, and the last."""
    before = Mix()
    for week in weeks[:-1]:
        before.add(week)
    return before, weeks[-1]


def _of_source(source: str, weeks: Sequence[Mix]) -> Iterator[Alarm]:
    before, now = before_and_now(weeks)
    if now.images < LEAST_NOW or before.images < LEAST_BEFORE:
        return
    rates = (
        (POSITIVE, (before.positive, before.analysed), (now.positive, now.analysed)),
        (NOT_ANALYSED, (before.not_analysed, before.images), (now.not_analysed, now.images)),
    )
    for what, (hits, of), (hits_now, of_now) in rates:
        if of and of_now and _differ(hits, of, hits_now, of_now):
            yield Alarm(source, what, hits / of, hits_now / of_now, None, now.images)
    mixes: tuple[tuple[str, Mapping[str, int], Mapping[str, int]], ...] = (
        (PROBABILITIES, _fifths(before.bins), _fifths(now.bins)),
        (VIEWS, before.views, now.views),
        (REGIONS, before.regions, now.regions),
    )
    for what, counts, counts_now in mixes:
        shift = stability_index(counts, counts_now)
        if shift > _SHIFTED and sum(counts_now.values()) >= LEAST_NOW:
            yield Alarm(source, what, None, None, shift, now.images)


def _differ(hits: int, of: int, hits_now: int, of_now: int) -> bool:
    """By the two-proportion z test, and by enough to matter."""
    change = abs(hits_now / of_now - hits / of)
    pooled = (hits + hits_now) / (of + of_now)
    error = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / of_now))
    return change >= _LEAST_CHANGE and error > 0 and change / error >= _Z


def stability_index(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """Population stability index of two counts; half an image stands for none at all."""
    names = before.keys() | now.keys()
    total, total_now = sum(before.values()), sum(now.values())
    if not total or not total_now:
        return 0.0
    index = 0.0
    for name in names:
        share = max(before.get(name, 0), 0.5) / total
        share_now = max(now.get(name, 0), 0.5) / total_now
        index += (share_now - share) * math.log(share_now / share)
    return index


def _fifths(bins: Sequence[int]) -> dict[str, int]:
    """With so few images a finer bin says more of chance than of change."""
    width = len(bins) // 5
    return {str(fifth): sum(bins[fifth * width : (fifth + 1) * width]) for fifth in range(5)}
