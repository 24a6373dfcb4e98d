"""The Structured Report of a revision as the text a person reads."""

from db.states import ObjectKind
from db.study_view import ObjectView, RevisionView
from dicom_node.spool import Spool, SpoolError


class ReportGone(Exception):
    """Its bytes cannot be read from the spool now; the message says why."""


def report_object(revision: RevisionView) -> ObjectView | None:
    return next((one for one in revision.objects if one.kind is ObjectKind.SR), None)


def report_text(spool: Spool, report: ObjectView) -> str:
    """One line a content item, indented by depth; raises ReportGone."""
    from pydicom import dcmread

    from dicom_node.results.report_text import report_lines

    try:
        with spool.open(report.spool_key) as stream:
            return "\n".join(report_lines(dcmread(stream)))
    except SpoolError as trouble:
        raise ReportGone(str(trouble)) from trouble
