"""`osteon verdicts`: shown row by row, and made into a data set without any identity."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import Engine

from db.session import open_ledger, transaction
from db.states import AnalysisState, Opinion
from db.study_view import read_study
from db.upgrade import upgrade_ledger
from db.verdict_labels import training_labels
from db.verdicts import Judgement, save_verdict
from model.datasets.reading import read_data_set
from tests.cli.shell import Shell
from tests.db.ledger import FRACTURE, NO_FRACTURE
from tests.model.dicom_images import RAMP, grey_dataset
from tests.web.shown_study import Clinic, Seen, dicom_file
from web.study.verdicts_page import label_lines

STUDY = "1.2.3"
BOX = {"x0": 5.0, "y0": 6.0, "x1": 20.0, "y1": 30.0}


@pytest.fixture(scope="module")
def ledger(shell: Shell) -> Iterator[Engine]:
    """Three images: one agreed to, one missed, one whose pixels are not square."""
    data_dir = shell.folder / "data"
    data_dir.mkdir()
    url = f"sqlite:///{data_dir / 'ledger.sqlite'}"
    upgrade_ledger(url)
    engine = open_ledger(url)
    clinic = Clinic(engine, data_dir)
    oblong = grey_dataset(RAMP + 2, PixelAspectRatio=[2, 1])
    clinic.take(
        STUDY,
        Seen(dicom_file(grey_dataset(RAMP)), NO_FRACTURE),
        Seen(dicom_file(grey_dataset(RAMP + 1)), NO_FRACTURE),
        Seen(dicom_file(oblong), FRACTURE),
    )
    missed = {
        "opinion": Opinion.DISAGREE,
        "corrected_finding": AnalysisState.FRACTURE,
        "boxes": (BOX,),
        "comment": "Adler, Ina: look at the scaphoid",
    }
    for number, said in (("1", {}), ("2", missed), ("3", {})):
        judge(engine, f"{STUDY}.1.{number}", **said)
    yield engine
    engine.dispose()


def judge(engine: Engine, sop_instance_uid: str, **said: object) -> None:
    with transaction(engine) as session:
        study = read_study(session, STUDY)
        assert study is not None
        [image] = [one for one in study.images if one.row["sop_instance_uid"] == sop_instance_uid]
        values = {"opinion": Opinion.AGREE, "analysis_id": image.analysis_id} | said
        save_verdict(session, Judgement(STUDY, "rita", sop_instance_uid=sop_instance_uid, **values))


def test_verdicts_are_told_row_by_row(shell: Shell, ledger: Engine) -> None:
    outcome = shell.run("verdicts", "--json")
    assert outcome.code == 0, outcome.stderr
    first, second, _ = outcome.documents()
    assert (first["opinion"], first["finding"], first["counts"]) == ("agree", "none", True)
    assert (second["corrected_finding"], second["boxes"]) == ("fracture", [BOX])
    assert shell.run("verdicts", "--csv").stdout.count("rita") == 3
    assert shell.run("verdicts", "--study", "9.9").code == 21
    assert "disagree" in shell.run("verdicts", "--study", STUDY).stdout


def test_labels_are_a_data_set_without_any_identity(
    shell: Shell, ledger: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "labels"
    outcome = shell.run("verdicts", "--export-labels", folder)
    assert outcome.code == 0, outcome.stderr
    assert "1 left out: its pixels are not square, which a PNG cannot say" in outcome.stderr
    data_set = read_data_set(folder)
    whole, broken = sorted(data_set.images, key=lambda one: one.fractured)
    assert (whole.fractured, broken.fractured) == (False, True)
    assert broken.boxes == ((5.0, 6.0, 20.0, 30.0),)
    assert whole.group == broken.group
    assert broken.size == RAMP.shape
    written = (folder / "labels.csv").read_text()
    assert not any(one in written for one in (STUDY, "Adler", "rita", "P1"))
    again = shell.run("verdicts", "--export-labels", folder)
    assert (again.code, "is not empty" in again.stderr) == (40, True)


def test_the_table_of_the_page_is_a_data_set_beside_the_files(
    ledger: Engine, tmp_path: Path
) -> None:
    """As /verdicts/labels.csv names them: by SOP Instance UID."""
    clinic_files = {"1": RAMP, "2": RAMP + 1}
    for number, pixels in clinic_files.items():
        path = tmp_path / f"IM{number}"
        dataset = grey_dataset(pixels)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
            f"{STUDY}.1.{number}"
        )
        path.write_bytes(dicom_file(dataset))
        assert dcmread(path).SOPInstanceUID == f"{STUDY}.1.{number}"
    with transaction(ledger) as session:
        lines = "".join(label_lines(training_labels(session)))
    (tmp_path / "labels.csv").write_text(lines)
    data_set = read_data_set(tmp_path)
    assert sorted(one.fractured for one in data_set.images) == [False, True]
