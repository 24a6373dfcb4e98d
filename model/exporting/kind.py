"""What an export may be: a format in a precision."""

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """Who reads it: ONNX nearly everything, the others OpenVINO and torch."""

    ONNX = "onnx"
    OPENVINO = "openvino"
    TORCHSCRIPT = "torchscript"


class Rounding(StrEnum):
    """The numbers the exported network is meant to be run with."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


class NotOffered(ValueError):
    """The format cannot be had, or not be checked here, in this precision."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A format in a precision."""

    format: Format
    rounding: Rounding = Rounding.FP32

    def __post_init__(self) -> None:
        if self.rounding is not Rounding.FP32 and self.format is not Format.OPENVINO:
            raise NotOffered(f"{self.format} is written in fp32 alone; {self.rounding}: openvino")
