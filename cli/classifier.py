"""Commands of the classifier: predict files without a node, train a network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from model.classifier import FractureClassifier
    from model.prediction import Prediction
    from model.radiograph import Radiograph

_TABLE = ("file", "state", "probability", "region", "reason")
_DICOM_PREFIX_OFFSET = 128


def add_commands(app: typer.Typer) -> None:
    for command in (predict, train):
        app.command()(command)


def predict(
    files: Annotated[list[Path], typer.Argument(help="DICOM, PNG or JPEG files.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
    heatmap: Annotated[
        Path | None, typer.Option(help="Write the first file, annotated, to this PNG.")
    ] = None,
) -> int:
    """Say whether radiographs show a fracture. Research use only – not for clinical diagnosis."""
    from cli.output import print_json, print_table

    classifier = _load_classifier()
    rows = []
    for path in files:
        row = _predict(classifier, path, heatmap if path == files[0] else None)
        if as_json:
            print_json(row)
        rows.append(row)
    if not as_json:
        print_table(_TABLE, rows)
    unread = any(row["state"] == "not_analysed" for row in rows)
    return Exit.INPUT_UNREADABLE if unread else Exit.DONE


def _load_classifier() -> "FractureClassifier":
    from cli.assembly import model_dir
    from cli.node import read_settings
    from model.artefact import ArtefactDamaged, ArtefactMissing
    from model.classifier import FractureClassifier

    settings = read_settings("predict")
    try:
        return FractureClassifier.load(model_dir(settings), settings.device)
    except (ArtefactMissing, ArtefactDamaged) as error:
        raise Leave(Exit.CLASSIFIER_UNUSABLE, str(error)) from error


def _predict(
    classifier: "FractureClassifier", path: Path, annotated: Path | None
) -> dict[str, Any]:
    from model.prediction import most_suspicious
    from model.radiograph import NotAssessable

    try:
        radiographs = _read(path)
    except NotAssessable as refusal:
        return _row(path, None, str(refusal))
    prediction = most_suspicious(classifier.predict(radiographs))
    if annotated is not None:
        _write_annotated(radiographs, prediction, annotated)
    return _row(path, prediction, None)


def _read(path: Path) -> "list[Radiograph]":
    from model.radiograph import NotAssessable, read_dicom, read_picture

    if not path.is_file():
        raise NotAssessable("there is no such file")
    with path.open("rb") as file:
        is_dicom = file.read(_DICOM_PREFIX_OFFSET + 4)[_DICOM_PREFIX_OFFSET:] == b"DICM"
    if is_dicom or path.suffix.lower() in {".dcm", ".dicom"}:
        return read_dicom(path)
    return [read_picture(path)]


def _row(path: Path, prediction: "Prediction | None", reason: str | None) -> dict[str, Any]:
    """The line of `predict --json`; absent knowledge is null."""
    row: dict[str, Any] = {"file": str(path), "state": "not_analysed", "reason": reason}
    if prediction is None:
        absent = ("probability", "region", "type", "type_probability", "severity", "model")
        return {**row, **dict.fromkeys(absent), "boxes": []}
    return {
        **row,
        "state": prediction.state.value,
        "probability": prediction.probability,
        "region": prediction.region,
        "type": prediction.fracture_type,
        "type_probability": prediction.type_probability,
        "severity": prediction.severity,
        "boxes": [_box(box) for box in prediction.boxes],
        "model": f"{prediction.model_name} {prediction.model_version}",
    }


def _write_annotated(radiographs: "list[Radiograph]", prediction: "Prediction", out: Path) -> None:
    from worker.examination import draw, record_of
    from worker.findings import FileImage, encode_png, finding_of

    finding = finding_of(FileImage(), record_of(prediction))
    try:
        out.write_bytes(encode_png(draw(prediction, radiographs, finding)))
    except OSError as error:
        raise Leave(Exit.OUTPUT_UNWRITABLE, f"{out}: {error.strerror}") from error


def _box(box: Any) -> dict[str, float]:
    return {name: getattr(box, name) for name in ("x0", "y0", "x1", "y1", "score")}


def train(
    data: Annotated[Path, typer.Option(help="Folder of a FracAtlas data set.")],
    start_weights: Annotated[Path, typer.Option(help="Folder of the trunks' start weights.")],
    out: Annotated[Path, typer.Option(help="Folder of checkpoint and artefact.")],
    recipe: Annotated[str, typer.Option(help="What to train; see model/recipes.")] = "spine",
    epochs: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    version: Annotated[str, typer.Option(help="Version of the artefact.")] = "0.0.1",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
) -> int:
    """Train a network and make it an artefact; needs the `train` extra (`make setup`)."""
