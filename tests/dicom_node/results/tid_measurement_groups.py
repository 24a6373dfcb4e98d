"""What was found: TID 1501 for a study or an image, TID 1410 for a region, with TID 300 and 1419.

The rows of TID 1410 about its region are those of TID 1411 for a plane, its sister: what is known
of the table of TID 1410 itself is that a group has one image region, or one segmentation frame.
Rows that both kinds of group have are numbered as in TID 1501.
"""

from collections.abc import Callable, Sequence

from pydicom.dataset import Dataset

from tests.dicom_node.results.template_rows import (
    MANY,
    MC,
    Include,
    M,
    Row,
    Template,
    below,
    code_set,
    concept_of,
    context_group,
)
from tests.dicom_node.results.tid_observation import ALGORITHM

_CONTAINS, _OBS, _MOD = "CONTAINS", "HAS OBS CONTEXT", "HAS CONCEPT MOD"
_GROUP = code_set("125007 DCM")
_REGION, _SEGMENTATION_FRAME, _REGION_IN_SPACE = "111030 DCM", "121214 DCM", "130488 DCM"
_UNITS, _SIDES, _PURPOSES = context_group(7181), context_group(244), context_group(7551)


def _template_of(group: Dataset) -> str:
    """As the group says; a group that says nothing is known by its region."""
    stated = group.get("ContentTemplateSequence")
    if stated:
        return str(stated[0].TemplateIdentifier)
    return "1410" if any(concept_of(item) == _REGION for item in below(group)) else "1501"


def without(*concepts: str) -> Callable[[Sequence[Dataset]], bool]:
    return lambda items: not any(concept_of(item) in concepts for item in items)


# Row 11 of TID 1501 leaves concept and value open; these values are those of the templates that
# the concepts come from (TID 4001, 4006, 4015), of CID 240 and of CID 3716.
_EVALUATIONS = {
    "72704001 SCT": context_group(240),
    "111017 DCM": context_group(6047),
    "111050 DCM": context_group(6044),
    "111052 DCM": context_group(6135),
    "246112005 SCT": context_group(3716),
}
_SITE = [
    Row("7", _MOD, "CODE", code_set("272741003 SCT"), values=_SIDES),
    Row("8", _MOD, "CODE", code_set("106233006 SCT")),
]
_SELECTED_FROM = [Row("6", "SELECTED FROM", "IMAGE", None, M)]
# The table has rows 2 and 3 as optional (M in its first editions): our findings are all tracked.
_IDENTITY = [
    Row("1b", _OBS, "TEXT", code_set("C67447 NCIt")),
    Row("2", _OBS, "TEXT", code_set("112039 DCM"), M),
    Row("3", _OBS, "UIDREF", code_set("112040 DCM"), M),
    Row("3a", _CONTAINS, "CODE", code_set("276214006 SCT")),
    Row("3b", _CONTAINS, "CODE", code_set("121071 DCM")),
]
_METHOD = Row("5", _MOD, "CODE", code_set("370129005 SCT"), values=context_group(6147))
_REAL_WORLD_VALUE_MAP = Row("9", _CONTAINS, "COMPOSITE", code_set("126100 DCM"))
_ILLUSTRATIONS = [
    Row("9c", _CONTAINS, "IMAGE", code_set("121200 DCM"), most=MANY),
    Row("9d", _CONTAINS, "IMAGE", code_set("130401 DCM"), most=MANY),
]
_ANSWERS = [
    Row("11", _CONTAINS, "CODE", None, most=MANY, values_by_concept=_EVALUATIONS),
    Row("12", _CONTAINS, "TEXT", None, most=MANY),
]

# TID 300 with TID 301, less what our measurements have none of: reference ranges, equations,
# images of their own.
_MODIFIERS = [
    _METHOD,
    Row("4", _MOD, "CODE", code_set("121401 DCM"), values=context_group(7464)),
    Row("5", _MOD, "CODE", code_set("363698007 SCT"), most=MANY, below=_SITE),
    Include("19", _MOD, ALGORITHM),
]
MEASUREMENT = Template("300", [Row("1", None, "NUM", None, M, values=_UNITS, below=_MODIFIERS)])

ROI_MEASUREMENTS = Template(
    "1419",
    [
        Row("1", _MOD, "CODE", code_set("370129005 SCT"), values=context_group(6147)),
        Row("2", _MOD, "CODE", code_set("363698007 SCT"), most=MANY, below=_SITE),
        Include("4b", _MOD, ALGORITHM),
        Row("5", None, "NUM", None, M, MANY, values=_UNITS, below=_MODIFIERS),
    ],
)

GROUP = Template(
    "1501",
    [
        Row(
            "1",
            _CONTAINS,
            "CONTAINER",
            _GROUP,
            M,
            when=lambda item: _template_of(item) == "1501",
            below=[
                *_IDENTITY,
                _METHOD,
                Row("6", _MOD, "CODE", code_set("363698007 SCT"), most=MANY, below=_SITE),
                _REAL_WORLD_VALUE_MAP,
                Include("9b", _MOD, ALGORITHM),
                *_ILLUSTRATIONS,
                Include("10", _CONTAINS, MEASUREMENT, most=MANY),
                Row("10b", _CONTAINS, "IMAGE", _PURPOSES, most=MANY),
                Row("10c", _CONTAINS, "SCOORD", _PURPOSES, most=MANY, below=_SELECTED_FROM),
                *_ANSWERS,
            ],
        )
    ],
)

PLANAR_ROI = Template(
    "1410",
    [
        Row(
            "1",
            _CONTAINS,
            "CONTAINER",
            _GROUP,
            M,
            when=lambda item: _template_of(item) == "1410",
            below=[
                *_IDENTITY,
                Row("3c", _CONTAINS, "CODE", code_set("130400 DCM"), values=context_group(219)),
                Row(
                    "5",
                    _CONTAINS,
                    "SCOORD",
                    code_set(_REGION),
                    MC,
                    condition=without(_SEGMENTATION_FRAME, _REGION_IN_SPACE),
                    below=_SELECTED_FROM,
                ),
                Row(
                    "7",
                    _CONTAINS,
                    "IMAGE",
                    code_set(_SEGMENTATION_FRAME),
                    condition=without(_REGION, _REGION_IN_SPACE),
                ),
                *_ILLUSTRATIONS,
                _REAL_WORLD_VALUE_MAP,
                Include("15", _CONTAINS, ROI_MEASUREMENTS),
                *_ANSWERS,
            ],
        )
    ],
)
