"""Commands of the classifier: predict files without a node, train a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from model.classifier import FractureClassifier
    from model.prediction import Prediction
    from model.radiograph import Radiograph
    from model.training.recipes import Recipe

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

    classifier = load_classifier()
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


def load_classifier(folder: Path | None = None) -> "FractureClassifier":
    """The artefact in that folder, else the one in force; Leave where it cannot be used."""
    from cli.assembly import model_dir
    from cli.node import read_settings
    from model.artefact import ArtefactDamaged, ArtefactMissing
    from model.classifier import FractureClassifier
    from model.runtime import DeviceUnavailable

    settings = read_settings("predict")
    try:
        return FractureClassifier.load(folder or model_dir(settings), settings.device)
    except (ArtefactMissing, ArtefactDamaged, DeviceUnavailable) as error:
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
    if not is_dicom and path.suffix.lower() not in {".dcm", ".dicom"}:
        return [read_picture(path)]
    _refuse_uncovered(path)
    return read_dicom(path)


def _refuse_uncovered(path: Path) -> None:
    """The node's own rule; a header that cannot be read is left to the reader to explain."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    from model.radiograph import UNDECODABLE, NotAssessable
    from worker.coverage import reason_not_covered

    try:
        header = dcmread(
            path, stop_before_pixels=True, specific_tags=["Modality", "BodyPartExamined"]
        )
    except (InvalidDicomError, *UNDECODABLE):
        return
    reason = reason_not_covered(
        str(header.get("Modality", "")), str(header.get("BodyPartExamined", ""))
    )
    if reason is not None:
        raise NotAssessable(reason)


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
    out: Annotated[Path, typer.Option(help="Folder for the checkpoints and the artefact.")],
    start_weights: Annotated[Path, typer.Option(help="Folder of the trunks' start weights.")],
    recipe: Annotated[str, typer.Option(help="What to train, by its name.")] = "shipped",
    type_data: Annotated[
        Path | None, typer.Option(help="Folder of images of known fracture types, if told apart.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs, if not the recipe's.")] = None,
    version: Annotated[str, typer.Option(help="Version the artefact will bear.")] = "0.0.0",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
) -> int:
    """Train a network, calibrate it and write its artefact; needs torch (`make setup`)."""
    from cli.node import read_settings

    settings = read_settings("train")
    try:
        from model.training.run import TrainingRun
        from model.training.train import train as run_training
    except ModuleNotFoundError as error:
        raise Leave(Exit.USAGE, f"training needs {error.name}: run `make setup`") from error
    run = TrainingRun(
        data=data,
        start_weights=start_weights,
        recipe=_recipe(recipe, epochs),
        out=out,
        version=version,
        resume=resume,
        device=_training_device(settings.device),
        type_data=type_data,
    )
    with missing_files_named():
        typer.echo(str(run_training(run)))
    return Exit.DONE


@contextmanager
def missing_files_named() -> Iterator[None]:
    """A file that is not there ends the command with its name."""
    try:
        yield
    except FileNotFoundError as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"there is no {error.filename}") from error


def _recipe(name: str, epochs: int | None) -> "Recipe":
    from dataclasses import replace

    from model.training.recipes import RECIPES

    if name not in RECIPES:
        raise typer.BadParameter(f"no recipe {name!r}; there are: {', '.join(sorted(RECIPES))}")
    recipe = RECIPES[name]
    return recipe if epochs is None else replace(recipe, epochs=epochs)


def _training_device(device: str) -> str:
    import torch

    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"
