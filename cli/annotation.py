"""Annotated pictures of files: one PNG, or a folder with one for each file."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from cli.radiograph_files import RadiographFile
    from model.card import NetworkSpec
    from model.heatmap import Grid
    from model.prediction import Prediction
    from model.radiograph import Radiograph

    Explanation = Callable[[Radiograph, Prediction], Grid]

_PNG = ".png"


@dataclass
class Pictures:
    """Where annotated pictures go; `explain` draws where the network looks, if it does not say."""

    place: Path
    many: bool  # the place is a folder, else one file
    explain: "Explanation | None"
    _names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Before anything is judged: refuse a place that cannot be meant, make the folder."""
        if not self.many:
            return
        if self.place.suffix.lower() == _PNG:
            raise Leave(Exit.USAGE, f"--heatmap {self.place}: several files need a folder")
        try:
            self.place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Leave(Exit.OUTPUT_UNWRITABLE, f"{self.place}: {error.strerror}") from error

    def write(self, file: "RadiographFile", prediction: "Prediction") -> Path:
        """The frame that stands for the file, annotated; returns where the picture lies."""
        from worker.examination import draw, record_of
        from worker.findings import FileImage, encode_png, finding_of

        shown = next(one for one in file.radiographs if one.frame == prediction.frame)
        if prediction.heatmap is None and self.explain is not None:
            prediction = replace(prediction, heatmap=self.explain(shown, prediction))
        finding = replace(
            finding_of(FileImage(), record_of(prediction)), reason=_why_no_state(prediction)
        )
        out = self.place / self._free_name(file.path) if self.many else self.place
        try:
            out.write_bytes(encode_png(draw(prediction, [shown], finding)))
        except OSError as error:
            raise Leave(Exit.OUTPUT_UNWRITABLE, f"{out}: {error.strerror}") from error
        return out

    def _free_name(self, path: Path) -> str:
        """The file's own name, numbered where another file of this run had it before."""
        name, number = f"{path.stem}{_PNG}", 1
        while name.casefold() in self._names:
            number += 1
            name = f"{path.stem}-{number}{_PNG}"
        self._names.add(name.casefold())
        return name


def _why_no_state(prediction: "Prediction") -> str | None:
    """What the picture says where it has no probability to show."""
    if prediction.state is not None or prediction.fracture_type is None:
        return prediction.reason
    named = prediction.fracture_type.replace("_", " ")
    return (
        f"fracture not told; likeliest: {named}, {100 * (prediction.type_probability or 0):.0f} %"
    )


def explanation_for(network: "NetworkSpec", artefact: Path) -> "Explanation | None":
    """None where the network draws a heatmap itself, else Grad-CAM; Leave where neither can be."""
    if "heatmap" in network.outputs:
        return None
    if not (network.fracture or network.types):
        raise Leave(Exit.USAGE, "--heatmap: this network tells neither fractures nor their types")
    try:
        return _grad_cam(artefact)
    except ModuleNotFoundError as error:
        raise Leave(
            Exit.USAGE,
            f"--heatmap: this network draws no heatmap, and Grad-CAM needs {error.name}: "
            "run `make setup`",
        ) from error


def _grad_cam(folder: Path) -> "Explanation":
    from model.artefact import load_artefact
    from model.explanation.gradcam import NoSpatialLayer, fracture_map, type_map
    from model.torch_runtime import load_network

    artefact = load_artefact(folder)
    network, side, told = load_network(artefact), artefact.card.input.side, artefact.card.network

    def explain(radiograph: "Radiograph", prediction: "Prediction") -> "Grid":
        try:
            if told.fracture:
                return fracture_map(network, radiograph, side)
            likeliest = told.types.index(str(prediction.fracture_type))
            return type_map(network, radiograph, side, likeliest)
        except NoSpatialLayer as error:
            raise Leave(Exit.USAGE, f"--heatmap: {error}") from error

    return explain
