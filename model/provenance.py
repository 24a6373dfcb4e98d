"""What the card says in words: origin, licences, purpose and limits."""

from model.card import Source
from model.recipes import Recipe

NAME = "osteon"
INTENDED_USE = (
    "Research and evaluation: a second look at radiographs of hands, legs, hips and shoulders. "
    "Not a medical device; no decision about a patient may rest on it."
)
LIMITS = (
    "Trained on 2,153 radiographs of three hospitals in one country; about 0.16 AUROC was lost on "
    "another source in trials of a like network.",
    "Knows hand (with forearm and elbow), leg (with knee and ankle), hip and shoulder; skull, "
    "spine, ribs and pelvis were hardly or never seen, and nothing here notices that.",
    "Learned from few hips and shoulders: its figures for them are weak.",
    "Hairline and avulsion fractures of a few pixels are easily lost at 416 pixels.",
    "Metal, casts, healed fractures and open growth plates were not studied apart.",
    "Says neither the type of a fracture nor its severity.",
    "A probability holds for a mix with 18 % fractured images; elsewhere it needs calibration.",
    "Boxes are drawn from a coarse heatmap: they point at a place and do not measure it.",
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
