"""Which images the classifier was made for: anything else gets a reason instead of a guess."""

# Body Part Examined (0018,0015) as PS3.16 Annex L spells it and as devices do; the network has
# learned hands to shoulders and feet to hips, nothing of the trunk or the head.
_NOT_COVERED = (
    "ABDOMEN",
    "BREAST",
    "CHEST",
    "HEAD",
    "JAW",
    "LUNG",
    "MANDIBLE",
    "NECK",
    "RIB",
    "SKULL",
    "SPINE",
    "STERNUM",
    "THORAX",
    "TOOTH",
)
_RADIOGRAPH_MODALITIES = ("CR", "DX", "RG", "RF", "XA", "OT", "")


def reason_not_covered(modality: str, body_part: str) -> str | None:
    """Why an image of this modality and body part is not analysed; None where it is."""
    if modality.strip().upper() not in _RADIOGRAPH_MODALITIES:
        return "modality is not a radiograph's"
    stated = body_part.strip().upper()
    if any(part in stated for part in _NOT_COVERED):
        return "body part is not covered by the classifier"
    return None
