"""A classifier on trial: it looks at every image, and nothing leaves but what the other says."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from structlog.testing import capture_logs

from db.jobs import JobKind, JobState
from db.states import AnalysisState
from db.tables import Analysis, ShadowAnalysis
from model.artefact import load_artefact, write_card
from model.classifier import FractureClassifier
from model.decoding.decoder import Decoder
from model.prediction import Prediction
from model.radiograph import Radiograph
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import Pacs, running_pacs
from tests.worker.ward import Eye, Ward, running_ward

OpenWard = Callable[..., Ward]
TRIAL_VERSION = "77.7.7"


@pytest.fixture(scope="module")
def on_trial(artefact_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier in service, but for a card by which everything is broken for certain."""
    folder = tmp_path_factory.mktemp("trial") / "artefact"
    shutil.copytree(artefact_folder, folder)
    card = load_artefact(folder).card
    certain = card.calibration.model_copy(update={"slope": 0.0, "intercept": 9.0})
    write_card(folder, card.model_copy(update={"version": TRIAL_VERSION, "calibration": certain}))
    return folder


class CountingDecoder(Decoder):
    """The decoder of all tests, counting what it is asked to decode."""

    def __init__(self, behind: Decoder) -> None:
        self.behind, self.decoded = behind, 0

    def decode(self, encoded: bytes) -> list[Radiograph]:
        self.decoded += 1
        return self.behind.decode(encoded)


def test_it_says_what_it_says_and_changes_nothing(
    new_ledger: Callable[[str], str], tmp_path: Path, eye: Eye, on_trial: Path
) -> None:
    told = []
    for name, shadow in (("without", None), ("with", on_trial)):
        with running_pacs() as pacs:
            ward = running_ward(
                new_ledger("sqlite"),
                tmp_path / name,
                eye,
                [pacs.destination],
                shadow_model_dir=shadow,
            )
            ward.kitchen.decoder = decoder = CountingDecoder(eye.decoder)
            ward.receive(study_of_two_views()[0])
            ward.run_until_quiet()
            told.append(_told(ward, pacs))
            said, scored = ward.rows(Analysis), ward.rows(ShadowAnalysis)
            assert decoder.decoded == 1, "the image is decoded once"
            ward.close()
            assert all(TRIAL_VERSION.encode() not in sent for sent in pacs.contents.values())
    without, beside = told
    assert beside == without
    assert [one.instance_id for one in scored] == [one.instance_id for one in said]
    assert {(one.model_version, one.state) for one in scored} == {
        (TRIAL_VERSION, AnalysisState.FRACTURE)
    }
    assert all((one.probability or 0) > 0.99 for one in scored)
    assert [one.region for one in scored] == [one.region for one in said]
    assert all((one.milliseconds or 0) > 0 for one in scored)


def _told(ward: Ward, pacs: Pacs) -> list[Any]:
    """What anyone is told: the views but for their times, and the kinds of objects sent."""
    rows = [*ward.images(), ward.study()]
    views = [{key: row[key] for key in row if not key.endswith("_at")} for row in rows]
    return [*views, sorted(str(one.SOPClassUID) for one in pacs.received)]


def _reported(ward: Ward, *images: Dataset) -> list[str]:
    """What the log says while these are received, analysed and reported in full."""
    with capture_logs() as lines:
        ward.receive(*images)
        ward.run_until_quiet()
    assert {job.state for job in ward.jobs(JobKind.ANALYSE)} == {JobState.DONE}
    assert {job.attempt for job in ward.jobs(JobKind.ANALYSE)} == {1}
    assert all(one.model_version not in ("", TRIAL_VERSION) for one in ward.rows(Analysis))
    assert ward.study()["report_revision"] == 1
    return [str(line["event"]) for line in lines]


def test_one_that_fails_leaves_the_analysis_in_service_intact(
    open_ward: OpenWard, on_trial: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "unlike-its-card"
    shutil.copytree(on_trial, folder)
    card = load_artefact(folder).card
    fewer = card.network.model_copy(update={"regions": card.network.regions[:-1]})
    write_card(folder, card.model_copy(update={"network": fewer}))
    ward = open_ward(shadow_model_dir=folder)
    events = _reported(ward, study_of_two_views()[0])
    assert events.count("shadow_failed") == 1
    [scored] = ward.rows(ShadowAnalysis)
    assert (scored.state, scored.probability) == (AnalysisState.NOT_ANALYSED, None)
    assert (scored.reason or "").startswith("the classifier on trial failed: ValueError in ")


def test_one_that_cannot_be_loaded_is_tried_once(open_ward: OpenWard, tmp_path: Path) -> None:
    ward = open_ward(shadow_model_dir=tmp_path / "gone")
    events = _reported(ward, *study_of_two_views())
    assert events.count("shadow_not_loaded") == 1
    assert ward.rows(ShadowAnalysis) == []


class Unforeseen(FractureClassifier):
    """Fails as no network has been seen to fail."""

    def predict(self, radiographs: Sequence[Radiograph]) -> list[Prediction]:
        raise TypeError(f"nobody expected this of {radiographs}")


def test_what_nobody_foresaw_leaves_it_intact_too(open_ward: OpenWard, eye: Eye) -> None:
    ward = open_ward()
    ward.kitchen._shadow = Unforeseen(eye.classifier.card, eye.classifier._runtime)
    events = _reported(ward, study_of_two_views()[0])
    assert "job_let_go" in events
    assert ward.rows(ShadowAnalysis) == []


def test_what_was_not_decoded_is_not_scored(open_ward: OpenWard, on_trial: Path) -> None:
    truncated, chest = study_of_two_views()
    truncated.PixelData = truncated.PixelData[:5000]
    chest.BodyPartExamined = "CHEST"
    ward = open_ward(shadow_model_dir=on_trial)
    ward.receive(truncated, chest)
    ward.run_until_quiet()
    assert len(ward.rows(Analysis)) == 2
    assert ward.rows(ShadowAnalysis) == []
