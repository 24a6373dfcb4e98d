"""TID 1500 Measurement Report as PS3.16 states it, held against a whole document.

The tables were read in two public renderings of PS3.16: a validator's of about 2020 and a library's
of 2025. Where those differ, the later one stands. TID 1500, 1501 and 1600 to 1603 leave the order
of their items open (the order of TID 1410, 1419 and 4019 could not be confirmed): reports of ours
keep the order of the rows all the same, and this checker asks for it. It asks, too, for no item
beyond the rows, though all but TID 1001, 1002 and 1204 may be extended.
"""

from pydicom.dataset import Dataset

from tests.dicom_node.results.sr_document import faults_of
from tests.dicom_node.results.template_rows import (
    MANY,
    MC,
    Include,
    M,
    Row,
    Template,
    code_set,
    context_group,
)
from tests.dicom_node.results.template_walk import walk
from tests.dicom_node.results.tid_image_library import LIBRARY
from tests.dicom_node.results.tid_measurement_groups import GROUP, PLANAR_ROI, without
from tests.dicom_node.results.tid_observation import ALGORITHM, LANGUAGE, OBSERVATION_CONTEXT

_IMAGING, _DERIVED, _QUALITATIVE = "126010 DCM", "126011 DCM", "C0034375 UMLS"
# Rows 8 (TID 1411), 10 and 12 hold what our reports have none of: volumes, derived measurements,
# and evaluations outside any group. CID 100 for row 4 is a baseline, which any code may replace.
MEASUREMENT_REPORT = Template(
    "1500",
    [
        Row(
            "1",
            None,
            "CONTAINER",
            context_group(7021),
            M,
            below=[
                Include("2", "HAS CONCEPT MOD", LANGUAGE),
                Include("3", "HAS OBS CONTEXT", OBSERVATION_CONTEXT, M),
                Row("4", "HAS CONCEPT MOD", "CODE", code_set("121058 DCM"), most=MANY),
                Include("5", "CONTAINS", LIBRARY),
                Row(
                    "6",
                    "CONTAINS",
                    "CONTAINER",
                    code_set(_IMAGING),
                    MC,
                    condition=without(_DERIVED, _QUALITATIVE),
                    # Groups of both templates alternate, image by image.
                    in_order=False,
                    below=[
                        Include("6b", "HAS CONCEPT MOD", ALGORITHM),
                        Include("7", "CONTAINS", PLANAR_ROI, most=MANY),
                        Include("9", "CONTAINS", GROUP, most=MANY),
                    ],
                ),
            ],
        )
    ],
)


def violations(report: Dataset) -> list[str]:
    """What a report has against PS3.16 TID 1500 and PS3.3, each with the path to the item."""
    return [*faults_of(report), *walk(report, MEASUREMENT_REPORT)]
