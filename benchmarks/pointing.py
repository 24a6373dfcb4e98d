"""The pointing game: is a map's highest place in a reader's box? The heatmap beside Grad-CAM.

    python -m benchmarks.pointing --model FOLDER --data FOLDER [--split val]
    python -m benchmarks.pointing --model runs/mine/folds/osteon-0.0.0 --data FOLDER \\
        --judged runs/mine/cross-validation/images.csv --fold 0

The second way asks a cross-validation's network about the images that it never saw.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.output import print_table
from model.artefact import Artefact, load_artefact
from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage, of_split
from model.datasets.reading import read_data_set
from model.explanation.gradcam import fracture_map
from model.explanation.pointing import MapOf, pointing_game
from model.heatmap import Grid
from model.radiograph import Radiograph
from model.torch_runtime import load_network


def maps_of(artefact: Artefact) -> dict[str, MapOf]:
    """Both ways of showing where a network looks; the heatmap only where it draws one."""
    network, side = load_network(artefact), artefact.card.input.side
    classifier = FractureClassifier.load(artefact.folder, "cpu")

    def heatmap(radiograph: Radiograph) -> Grid | None:
        return classifier.predict([radiograph])[0].heatmap

    def grad_cam(radiograph: Radiograph) -> Grid:
        return fracture_map(network, radiograph, side)

    drawn: dict[str, MapOf] = {"Grad-CAM": grad_cam}
    return {"heatmap": heatmap} | drawn if "heatmap" in artefact.card.network.outputs else drawn


def images_of_fold(images: Sequence[LabelledImage], judged: Path, fold: int) -> list[LabelledImage]:
    """Those that the fold's network judged and never saw."""
    with judged.open(encoding="utf-8") as table:
        files = {row["file"] for row in csv.DictReader(table) if row["fold"] == str(fold)}
    return [image for image in images if image.path.name in files]


def main(
    model: Annotated[Path, typer.Option(help="An artefact's folder.")],
    data: Annotated[Path, typer.Option(help="A data set's folder, with boxes.")],
    split: Annotated[str, typer.Option(help="Which part of it.")] = "val",
    judged: Annotated[Path | None, typer.Option(help="images.csv of a cross-validation.")] = None,
    fold: Annotated[int, typer.Option(help="Whose images, with --judged.")] = 0,
) -> None:
    images = read_data_set(data).images
    chosen = of_split(images, split) if judged is None else images_of_fold(images, judged, fold)
    games = {
        name: pointing_game(chosen, drawn) for name, drawn in maps_of(load_artefact(model)).items()
    }
    rows = [
        {"map": name, "images": game.images, "hit": game.hit, "share": round(game.share, 3)}
        for name, game in games.items()
    ]
    print_table(["map", "images", "hit", "share"], rows)


if __name__ == "__main__":
    typer.run(main)
