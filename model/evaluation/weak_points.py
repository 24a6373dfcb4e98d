"""What a card's own figures say against the classifier, in sentences."""

from collections.abc import Iterator, Sequence

from model.card import Card
from model.evaluation.wording import bare, span
from model.figures import Figures, Interval, PointFigures, Subgroup, TypeFigures


def weak_points(card: Card) -> list[str]:
    """Of the figures on unseen images, the first that the card has; none without figures."""
    figures = card.validation or card.cross_validation
    said = [] if figures is None else list(_sentences(figures))
    return [*said, *_type_sentences(card.type_validation)]


def _sentences(figures: Figures) -> Iterator[str]:
    yield from _point_sentences(figures)
    yield from _use_sentences(figures)
    yield from _place_sentences(figures)
    yield from _subgroup_sentences(figures.subgroups)
    if figures.not_assessable:
        yield (
            f"Gave no answer for {figures.not_assessable} of {figures.images} images: "
            "they are left out of its figures."
        )
    if figures.groups < _FEW_GROUPS:
        yield (
            f"The figures rest on {figures.groups} groups of images: the intervals are wide, and "
            "a figure may be far off elsewhere."
        )


_FEW_GROUPS = 50


def _point_sentences(figures: Figures) -> Iterator[str]:
    lost, missed = figures.sensitive.sensitivity, figures.specific.sensitivity
    alarmed = figures.sensitive.specificity
    if lost is not None and missed is not None:
        yield (
            f"Of 100 fractured images {_percent(1 - lost.value)} are called neither `possible` nor "
            f"`fracture`, and {_percent(1 - missed.value)} are not called `fracture`."
        )
    if alarmed is not None:
        yield (
            f"Of 100 images without a fracture {_percent(1 - alarmed.value)} are called "
            "`possible` or more."
        )


def _use_sentences(figures: Figures) -> Iterator[str]:
    """What becomes of the figures where the mix is another, and where images come in studies."""
    kept = figures.specificity_at_sensitivity
    if kept is not None:
        alarms = _percent(1 - kept.reached.value)
        yield (
            f"To call {_percent(kept.held)} of 100 fractured images, {alarms} of 100 whole ones "
            "would have to be called too."
        )
    passed = figures.sensitive.specificity
    if passed is not None:
        yield (
            "A study is called by its worst image: of 100 whole studies of two images up to "
            f"{_percent(1 - passed.value**2)} are called `possible` or more."
        )
    called, possible = map(_share_right, (figures.specific, figures.sensitive))
    if called is not None and possible is not None:
        mix = _percent(figures.fractured / figures.images)
        yield (
            f"A probability holds where {mix} of 100 images are fractured. Where 5 are, "
            f"{_percent(called)} of 100 images called `fracture` have one and "
            f"{_percent(possible)} of 100 called `possible` or more: calibrate on your own images "
            "first."
        )


_RARE = 0.05


def _share_right(point: PointFigures) -> float | None:
    """The positive predictive value where fractures are rare."""
    if point.sensitivity is None or point.specificity is None:
        return None
    found = _RARE * point.sensitivity.value
    alarms = (1 - _RARE) * (1 - point.specificity.value)
    return found / (found + alarms) if found + alarms > 0 else None


def _type_sentences(types: TypeFigures | None) -> Iterator[str]:
    if types is not None:
        yield (
            f"Of {len(types.rows)} fracture types the likeliest is the right one in "
            f"{_percent(types.accuracy.value)} of 100 images."
        )


def _place_sentences(figures: Figures) -> Iterator[str]:
    inside = figures.heatmap_peak_in_box
    if inside is not None:
        yield (
            f"In {_percent(1 - inside.value)} of 100 fractured images the heatmap's highest place "
            "is not on the fracture."
        )
    if figures.marks is not None:
        yield (
            f"A shown box meets the fracture in {_percent(figures.marks.boxes_hit.value)} of 100 "
            f"fractured images, at {figures.marks.false_boxes_per_image.value:.2f} false boxes an "
            "image."
        )


def _subgroup_sentences(subgroups: tuple[Subgroup, ...]) -> Iterator[str]:
    ranked = [(one.auroc, one) for one in subgroups if one.auroc is not None]
    if len(ranked) > 1 and (lowest := _lowest(ranked)) is not None:
        _, worst = lowest
        yield (
            f"Of all parts of the images it ranks those of {worst.kind} {worst.name} worst: "
            f"AUROC {bare(worst.auroc)} ({span(worst.auroc)}, {worst.fractured} fractured)."
        )
    found = [(one.sensitive.sensitivity, one) for one in subgroups]
    if (lowest := _lowest(found)) is not None:
        share, least = lowest
        yield (
            f"At `possible` it misses most fractures of {least.kind} {least.name}: "
            f"{_percent(1 - share)} of 100 ({least.fractured} fractured)."
        )
    passed = [(one.sensitive.specificity, one) for one in subgroups]
    if (lowest := _lowest(passed)) is not None:
        share, most = lowest
        yield (
            f"It calls most whole images `possible` or more of {most.kind} {most.name}: "
            f"{_percent(1 - share)} of 100 ({most.images - most.fractured} whole)."
        )
    unknown = ", ".join(map(_counted, (one for one in subgroups if one.auroc is None)))
    if unknown:
        yield f"Too few images of one label to say how well it ranks those of {unknown}."


def _lowest(
    figures: Sequence[tuple[Interval | None, Subgroup]],
) -> tuple[float, Subgroup] | None:
    """The lowest figure with its part; None where no part has one."""
    known = [(figure.value, one) for figure, one in figures if figure is not None]
    return min(known, key=lambda pair: pair[0], default=None)


def _counted(one: Subgroup) -> str:
    return f"{one.kind} {one.name} ({one.fractured} of {one.images} fractured)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
