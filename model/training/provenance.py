"""What the card says in words: origin, licences, purpose and limits."""

from model.card import Source
from model.training.recipes import Recipe

NAME = "osteon"
INTENDED_USE = (
    "Research and evaluation: a second look at radiographs of hands, legs, hips and shoulders. "
    "Not a medical device; no decision about a patient may rest on it."
)
LIMITS = (
    "Trained on radiographs of three hospitals in one country. In trials a like network lost 0.12 "
    "AUROC from unseen images of this source to those of another.",
    "Every one of the 67 training images with implants shows a fracture: metal by itself raises "
    "the probability.",
    "Knows hand (with forearm and elbow), leg (with knee and ankle), hip and shoulder. Skull, "
    "spine, ribs and chest were hardly or never seen, and nothing in the network notices that.",
    "Few hips and shoulders were seen, and too few are in the val part to say how well it does "
    "there.",
    "Hairline and avulsion fractures of a few pixels are easily lost at 416 pixels: about one "
    "fracture in seven scores like an ordinary image.",
    "Casts, healed fractures, children's growth plates and posture were not studied apart.",
    "Says neither the type of a fracture nor its severity.",
    "A probability holds for a mix with 18 % fractured images; elsewhere it needs calibration.",
    "Boxes come from a coarse heatmap: they point at a place, larger than the fracture.",
    "The self-test phantoms were drawn like those it trained on: passing it says that the node "
    "works, not how well it reads patients.",
)


def sources(recipe: Recipe) -> tuple[Source, ...]:
    """Everything the weights were made from."""
    return (
        Source(
            name="FracAtlas",
            licence="CC BY 4.0",
            attribution=(
                "Abedeen et al., FracAtlas: a dataset for fracture classification, localization "
                "and segmentation of musculoskeletal radiographs, Sci Data 10:521 (2023), "
                "figshare doi 10.6084/m9.figshare.22363012"
            ),
            use="training, calibration and validation, parted by patient group; resized",
        ),
        Source(
            name="MobileNetV2 1.0 224, ImageNet",
            licence="Apache-2.0",
            attribution="google-coral test data",
            use="start weights of the trunk; its first four blocks are unchanged",
        ),
        Source(
            name="Osteon phantoms",
            licence="Apache-2.0",
            attribution="rendered by this project",
            use=(
                f"{recipe.phantom_share:.0%} of training draws, half fractured, and "
                f"{recipe.settling_phantom_share:.0%} in the last {recipe.settling_epochs} epochs"
            ),
        ),
    )
