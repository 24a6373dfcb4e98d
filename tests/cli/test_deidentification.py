"""`osteon deidentify`: from files with a patient in them to files without."""

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from benchmarks.burned_in_text import Writing, write
from db.session import open_ledger
from db.upgrade import upgrade_ledger
from dicom_node.dicomize import ImageForm, dicomize
from dicom_node.examination import Examination, View
from dicom_node.picture import Picture
from dicom_node.spool import FileSpool
from phantom.radiograph import PhantomSpec, make_phantom
from tests.cli.shell import Shell
from tests.db.ledger import receive, received

pytestmark = pytest.mark.requirement("R-DATA-4")

NAME = "KANARIVOGEL"
PIXELS = make_phantom(PhantomSpec(seed=5, rows=512, columns=416)).pixels


def _radiograph(pixels: np.ndarray = PIXELS, number: int = 1) -> Dataset:
    who = Examination("a study", patient_name=f"{NAME}^ANNA", patient_id=f"{NAME}-1")
    view = View("hand", view_position="PA", instance_number=number)
    return dicomize(Picture(pixels, spacing_mm=0.2), who, view, ImageForm())


@pytest.fixture(scope="module")
def exported(shell: Shell) -> Path:
    """Radiographs in several codings, and others that have to stay."""
    source = shell.folder / NAME
    source.mkdir()
    for name, dataset in _sources().items():
        dataset.save_as(source / f"{name}.dcm", enforce_file_format=True)
    told = shell.run("deidentify", source, "--out", "out", "--key", "key", "--json")
    assert told.code == 0, told.stderr
    reasons = {Path(one["file"]).stem: one["reason"] for one in told.documents()}
    assert reasons == {
        "1-plain": None,
        "2-high-bits": None,
        "3-jpeg": None,
        "4-rle": None,
        "5-written": "may have text in its pixels",
        "6-says-so": "says itself that text is burnt into it",
    }
    return shell.folder / "out"


def _sources() -> dict[str, Dataset]:
    says_so, rle = _radiograph(number=6), _radiograph(number=4)
    says_so.BurnedInAnnotation = "YES"
    rle.compress(RLELossless, generate_instance_uid=False)
    return {
        "1-plain": _radiograph(),
        "2-high-bits": _with_an_overlay_in_its_high_bits(),
        "3-jpeg": _with_a_comment_in_its_codestream(),
        "4-rle": rle,
        "5-written": _radiograph(write(PIXELS, Writing(f"{NAME}^ANNA", 24, 1.0, (0.1, 0.1))), 5),
        "6-says-so": says_so,
    }


def _with_an_overlay_in_its_high_bits() -> Dataset:
    """As older devices did: PS3.5 8.1.1 had graphics in the bits that the image does not use."""
    dataset = _radiograph(number=2)
    words = np.frombuffer(dataset.PixelData, "<u2").copy()
    words[:: len(NAME)] |= 0x7000
    dataset.PixelData = words.tobytes()
    return dataset


def _with_a_comment_in_its_codestream() -> Dataset:
    dataset, file = _radiograph(number=3), BytesIO()
    grey = (PIXELS >> 4).astype(np.uint8)
    Image.fromarray(grey).save(file, "JPEG", quality=95, comment=f"{NAME} ANNA".encode())
    assert NAME.encode() in file.getvalue()
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelData = encapsulate([file.getvalue()])
    dataset["PixelData"].VR = "OB"
    return dataset


def test_nothing_in_the_folder_names_anybody(exported: Path) -> None:
    files = sorted(exported.iterdir())
    assert [path.name for path in files] == [f"{number:06}.dcm" for number in range(1, 5)]
    for path in files:
        assert NAME.encode() not in path.read_bytes()
        assert dcmread(path).PatientIdentityRemoved == "YES"


def test_pixels_are_the_same_and_nothing_else(exported: Path) -> None:
    plain, high_bits, _, rle = (dcmread(path) for path in sorted(exported.iterdir()))
    for dataset in (plain, high_bits, rle):
        assert np.array_equal(dataset.pixel_array, PIXELS)
        assert len(dataset.PixelData) == PIXELS.nbytes
    assert {plain.StudyInstanceUID} == {high_bits.StudyInstanceUID, rle.StudyInstanceUID}


def test_they_are_judged_as_before(shell: Shell, exported: Path) -> None:
    before = shell.run("predict", f"{NAME}/1-plain.dcm", f"{NAME}/3-jpeg.dcm", "--json").documents()
    files = ("out/000001.dcm", "out/000003.dcm")
    after = shell.run("predict", *files, "--json").documents()
    for old, new in zip(before, after, strict=True):
        assert new["probability"] == pytest.approx(old["probability"], abs=1e-6)
        assert (new["state"], new["boxes"]) == (old["state"], old["boxes"])


def test_another_export_with_the_key_gives_the_same_names(shell: Shell, exported: Path) -> None:
    source = f"{NAME}/1-plain.dcm"
    assert shell.run("deidentify", source, "--out", "again", "--key", "key").code == 0
    again = (shell.folder / "again" / "000001.dcm").read_bytes()
    assert again == (exported / "000001.dcm").read_bytes()
    assert shell.run("deidentify", source, "--out", "other", "--key", "other-key").code == 0
    other = dcmread(shell.folder / "other" / "000001.dcm")
    assert other.PatientID != dcmread(exported / "000001.dcm").PatientID
    assert (shell.folder / "key").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_done_is_said(shell: Shell, exported: Path) -> None:
    (shell.folder / "open").write_text("00" * 32)
    (shell.folder / "open").chmod(0o644)
    for words, code, said in (
        ([NAME, "--out", "out", "--key", "key"], 40, "not empty"),
        (["--out", "new"], 1, "name files or folders"),
        ([NAME, "--out", "new", "--key", "new/key"], 1, "keep it out of the export"),
        ([NAME, "--out", "new", "--key", "open"], 1, "others may read"),
        ([f"{NAME}/5-written.dcm", "--out", "none", "--key", "key"], 21, "1 held out"),
        (["nowhere.dcm", "--out", "none", "--key", "key"], 20, "No such file"),
    ):
        told = shell.run("deidentify", *words)
        assert (told.code, said in told.stderr) == (code, True), told.stderr


def test_results_fit_to_the_images_that_were_exported(
    shell: Shell, exported: Path, tmp_path: Path
) -> None:
    data, spool = tmp_path / "data", FileSpool(tmp_path / "data" / "spool")
    url = f"sqlite:///{data}/ledger.sqlite"
    upgrade_ledger(url)
    content = (shell.folder / NAME / "1-plain.dcm").read_bytes()
    kept = spool.write(content)
    header = dcmread(BytesIO(content))
    instance = received(
        1,
        study=str(header.StudyInstanceUID),
        series_instance_uid=str(header.SeriesInstanceUID),
        sop_instance_uid=str(header.SOPInstanceUID),
        spool_key=kept.key,
        patient_id=header.PatientID,
        patient_name=str(header.PatientName),
        accession_number=f"{NAME}-9",
        body_part=f"HAND {NAME}",
        study_date="20260101",
    )
    engine = open_ledger(url)
    receive(engine, instance)
    engine.dispose()
    shutil.copy(shell.folder / "key", data / "deidentification.key")
    asked = ("results", "--deidentified", "--json")
    (row,) = shell.run(*asked, data_dir=data).documents()
    image = dcmread(exported / "000001.dcm")
    assert row["study_instance_uid"] == image.StudyInstanceUID
    assert row["sop_instance_uid"] == image.SOPInstanceUID
    assert (row["patient_id"], row["body_part"]) == (image.PatientID, "HAND")
    assert row["received_at"] < "2026"
    for form in ("--json", "--csv"):
        assert NAME not in shell.run("results", "--deidentified", form, data_dir=data).stdout
    told = shell.run(
        *("deidentify", "--study", header.StudyInstanceUID, "--out", tmp_path / "from-node"),
        data_dir=data,
    )
    assert told.code == 0, told.stderr
    assert dcmread(tmp_path / "from-node" / "000001.dcm").PatientID == image.PatientID
    nobodys = ("deidentify", "--study", "1.2", "--out", tmp_path / "x")
    assert shell.run(*nobodys, data_dir=data).code == 21
