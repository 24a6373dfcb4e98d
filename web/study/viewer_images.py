"""A study's images as the viewer's script is told of them."""

from collections.abc import Sequence
from typing import Any

from db.study_images import StudyImage


def viewer_images(study_instance_uid: str, images: Sequence[StudyImage]) -> list[dict[str, Any]]:
    """What the page holds as `study-images`: each image's place, finding, boxes and addresses."""
    return [
        _told(study_instance_uid, number, image) for number, image in enumerate(images, start=1)
    ]


def _told(study_instance_uid: str, number: int, image: StudyImage) -> dict[str, Any]:
    address = f"/study/{study_instance_uid}/image/{image.sop_instance_uid}"
    asked = f"?kept_apart={image.instance_id}" if image.quarantine_reason else ""
    return {
        "sop_instance_uid": image.sop_instance_uid,
        "number": number,
        "label": image.body_part or image.modality,
        "view": image.view_position,
        "laterality": image.laterality,
        "rows": image.rows,
        "columns": image.columns,
        "frame": image.frame,
        "state": image.state,
        "reason": image.reason,
        "probability": image.probability,
        "kept_apart": image.quarantine_reason,
        "boxes": [dict(box) for box in image.boxes],
        "has_heatmap": image.heatmap_key is not None,
        "frame_url": f"{address}/frame{asked}",
        "heatmap_url": f"{address}/heatmap{asked}",
    }
