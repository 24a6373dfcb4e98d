"""Who observed, in which language, by which algorithm: TID 1204, 1001, 1002, 1004 and 4019.

TID 1003 (a person), 1005 and 1006 (procedure and subject other than the header's) are left out: no
report of ours has them, and an item of theirs is reported as unknown.
"""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from tests.dicom_node.results.template_rows import (
    MANY,
    MC,
    Include,
    M,
    Row,
    Template,
    code_set,
    concept_of,
    context_group,
    value_of,
)

_OBSERVER_TYPE, _DEVICE, _DEVICE_UID = "121005 DCM", "121007 DCM", "121012 DCM"


def _names_device(items: Sequence[Dataset]) -> bool:
    return any(concept_of(item) == _DEVICE_UID for item in items)


def _observer_is_device(items: Sequence[Dataset]) -> bool:
    return any(concept_of(item) == _OBSERVER_TYPE and value_of(item) == _DEVICE for item in items)


# CID 5000 is a list of language tags (RFC 5646), not of codes: reports here are in English.
LANGUAGE = Template(
    "1204",
    [
        Row(
            "1",
            "HAS CONCEPT MOD",
            "CODE",
            code_set("121049 DCM"),
            M,
            values=code_set("en RFC5646", "en-US RFC5646", "en-GB RFC5646"),
            below=[Row("2", "HAS CONCEPT MOD", "CODE", code_set("121046 DCM"))],
        )
    ],
    extensible=False,
)

DEVICE_OBSERVER = Template(
    "1004",
    [
        Row("1", None, "UIDREF", code_set(_DEVICE_UID), M),
        Row("2", None, "TEXT", code_set("121013 DCM")),
        Row("3", None, "TEXT", code_set("121014 DCM")),
        Row("4", None, "TEXT", code_set("121015 DCM")),
        Row("5", None, "TEXT", code_set("121016 DCM")),
        Row("6", None, "TEXT", code_set("121017 DCM")),
        Row("7", None, "CODE", code_set("113876 DCM"), most=MANY, values=context_group(7445)),
        Row("8", None, "TEXT", code_set("110119 DCM")),
        Row("9", None, "UIDREF", code_set("121061 DCM"), most=MANY),
    ],
)

OBSERVER = Template(
    "1002",
    [
        Row(
            "1",
            "HAS OBS CONTEXT",
            "CODE",
            code_set(_OBSERVER_TYPE),
            MC,
            values=context_group(270),
            condition=_names_device,
        ),
        Include("3", "HAS OBS CONTEXT", DEVICE_OBSERVER, MC, condition=_observer_is_device),
    ],
    extensible=False,
)

# Row 1 is required unless the observer is inherited, which nothing gives the root of a document.
OBSERVATION_CONTEXT = Template(
    "1001", [Include("1", "HAS OBS CONTEXT", OBSERVER, M, MANY)], extensible=False
)

ALGORITHM = Template(
    "4019",
    [
        Row("1", None, "TEXT", code_set("111001 DCM"), M),
        Row("1b", None, "CODE", code_set("111001 DCM")),
        Row("2", None, "TEXT", code_set("111003 DCM"), M),
        Row("2b", None, "TEXT", code_set("122405 DCM")),
        Row("3", None, "TEXT", code_set("111002 DCM"), most=MANY),
        Row("4", None, "CODE", code_set("111000 DCM"), values=context_group(7162)),
    ],
)
