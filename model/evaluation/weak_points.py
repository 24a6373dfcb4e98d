"""What a card's own figures say against the classifier, in sentences."""

from collections.abc import Iterator

from model.card import Card
from model.evaluation.wording import bare, span
from model.figures import Figures, Subgroup


def weak_points(card: Card) -> list[str]:
    """Of the figures on unseen images, the first that the card has; none without figures."""
    figures = card.validation or card.cross_validation
    return [] if figures is None else list(_sentences(figures))


def _sentences(figures: Figures) -> Iterator[str]:
    yield from _point_sentences(figures)
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
    ranked = [(one.auroc.value, one) for one in subgroups if one.auroc is not None]
    if len(ranked) > 1:
        _, worst = min(ranked, key=lambda pair: pair[0])
        yield (
            f"Of all parts of the images it ranks those of {worst.kind} {worst.name} worst: "
            f"AUROC {bare(worst.auroc)} ({span(worst.auroc)}, {worst.fractured} fractured)."
        )
    found = [one for one in subgroups if one.sensitive.sensitivity is not None]
    if found:
        least = min(found, key=_sensitivity)
        yield (
            f"At `possible` it misses most fractures of {least.kind} {least.name}: "
            f"{_percent(1 - _sensitivity(least))} of 100 ({least.fractured} fractured)."
        )
    unknown = ", ".join(map(_counted, (one for one in subgroups if one.auroc is None)))
    if unknown:
        yield f"Too few images of one label to say how well it ranks those of {unknown}."


def _sensitivity(one: Subgroup) -> float:
    assert one.sensitive.sensitivity is not None
    return one.sensitive.sensitivity.value


def _counted(one: Subgroup) -> str:
    return f"{one.kind} {one.name} ({one.fractured} of {one.images} fractured)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
