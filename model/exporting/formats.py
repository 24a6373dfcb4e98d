"""How each format is written, and what runs it for the check."""

import shutil
from pathlib import Path

from model.artefact import Artefact
from model.exporting.kind import Format, Kind, NotOffered, Rounding
from model.runtime import CpuPlan, OpenVinoRuntime, Precision, Runtime

_FILES = {
    Format.ONNX: ("network.onnx",),
    Format.OPENVINO: ("network.xml", "network.bin"),
    Format.TORCHSCRIPT: ("network.torchscript",),
}
_OPENVINO_NAMES: dict[Rounding, Precision] = {
    Rounding.FP32: "f32",
    Rounding.BF16: "bf16",
    Rounding.FP16: "f16",
}


def write_network(artefact: Artefact, kind: Kind, folder: Path) -> tuple[str, ...]:
    """Returns the names of the files, the one to open first."""
    names = _FILES[kind.format]
    path = folder / names[0]
    match kind.format:
        case Format.ONNX:
            _write_onnx(artefact, path)
        case Format.OPENVINO:
            _write_openvino(artefact, path, halved=kind.rounding is Rounding.FP16)
        case Format.TORCHSCRIPT:
            from model.exporting.torchscript import write_torchscript

            write_torchscript(artefact, path)
    return names


def open_export(artefact: Artefact, kind: Kind, folder: Path) -> Runtime:
    """What runs the written files, on the CPU."""
    path = folder / _FILES[kind.format][0]
    if kind.format is Format.TORCHSCRIPT:
        from model.exporting.torchscript import TorchScriptRuntime

        return TorchScriptRuntime(path)
    plan = CpuPlan(precision=_OPENVINO_NAMES[kind.rounding])
    runtime = OpenVinoRuntime(artefact, plan, network=path)
    if runtime.precision != plan.precision:
        raise NotOffered(
            f"{kind.rounding}: this processor computes in {runtime.precision} instead, "
            "so that the export cannot be checked here"
        )
    return runtime


def _write_onnx(artefact: Artefact, path: Path) -> None:
    """Kernels in full float32, as every reader of ONNX takes them."""
    from model.exporting.artefact_files import widen

    shutil.copyfile(artefact.network, path)
    widen(path)


def _write_openvino(artefact: Artefact, path: Path, halved: bool) -> None:
    from model.openvino_runtime import openvino

    network = openvino.Core().read_model(artefact.network)
    openvino.save_model(network, path, compress_to_fp16=halved)
