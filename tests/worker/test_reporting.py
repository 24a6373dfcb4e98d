"""A report names for each image the network that looked at it."""

from collections.abc import Callable

from pydicom.dataset import Dataset
from sqlalchemy import update

from db.session import transaction
from db.states import ObjectKind
from db.tables import Analysis
from dicom_node.peer import Destination
from dicom_node.results.equipment import Equipment
from dicom_node.results.report_text import report_lines
from tests.worker.dicom_files import study_of_two_views
from tests.worker.ward import Ward
from worker.findings import algorithm_in_use

OpenWard = Callable[..., Ward]
NOWHERE = Destination("NOWHERE", "127.0.0.1", 1)


def _versions(report: Dataset) -> list[str]:
    """One for each group, the study's first."""
    lines = [line.strip() for line in report_lines(report)]
    return [line.split(": ")[1] for line in lines if line.startswith("Algorithm Version")]


def _device_uid(made: Dataset) -> str:
    return str(made.ContributingEquipmentSequence[0].DeviceUID)


def test_a_late_image_that_newer_weights_saw_has_another_algorithm(open_ward: OpenWard) -> None:
    first, late = study_of_two_views()
    ward = open_ward(NOWHERE)
    ward.receive(first)
    ward.run_until_quiet()
    with transaction(ward.kitchen.ledger) as session:
        session.execute(update(Analysis).values(model_version="0.0.1"))
    ward.receive(late)
    ward.run_until_quiet()
    in_use = algorithm_in_use(ward.kitchen.card)
    original, revised = ward.made(ObjectKind.SR)
    assert set(_versions(original)) == {in_use.version}
    assert set(_versions(revised)) == {in_use.version, "0.0.1"}
    assert "Images analysed by different models" in "\n".join(report_lines(revised))
    node = Equipment(in_use, ward.kitchen.plan.ae_title)
    assert {_device_uid(made) for made in (original, revised)} == {node.device_uid}
