"""Writes a trained network as weights for torch and as ONNX for everything else."""

import copy
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import Tensor

from model.artefact import NETWORK, WEIGHTS
from model.networks.build import Network

_READABLE_BY_ALL = 0o644


def export_network(network: Network, side: int, folder: Path) -> None:
    """Both files hold the same numbers: kernels are rounded to half precision first."""
    folder.mkdir(parents=True, exist_ok=True)
    rounded = copy.deepcopy(network).cpu().eval()
    weights = {name: _compact(value) for name, value in rounded.state_dict().items()}
    rounded.load_state_dict({name: _full(value) for name, value in weights.items()})
    save_file(weights, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(_READABLE_BY_ALL)  # safetensors keeps it from other users
    _write_onnx(rounded, side, folder / NETWORK)
    _halve(folder / NETWORK)


def _compact(value: Tensor) -> Tensor:
    """Kernels in half precision; batch statistics span too wide a range for it."""
    return (value.half() if value.dim() > 1 else value).contiguous()


def _full(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value


def _write_onnx(network: Network, side: int, path: Path) -> None:
    # Unoptimised: folding the batch norms would change kernels that are already rounded.
    images = torch.zeros(2, 1, side, side)
    torch.onnx.export(
        network,
        (images,),
        path,
        input_names=["images"],
        output_names=list(network.outputs),
        dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
        external_data=False,
        optimize=False,
        verbose=False,
    )


def _halve(path: Path) -> None:
    """Store kernels as the half precision they are, widened when loaded; drop the exporter's notes.

    The notes hold paths of the machine that exported.
    """
    network = onnx.load(path)
    casts = []
    for initializer in network.graph.initializer:
        del initializer.metadata_props[:]
        if initializer.data_type == onnx.TensorProto.FLOAT and len(initializer.dims) > 1:
            casts.append(_stored_as_half(initializer))
    for value in [*network.graph.node, *network.graph.value_info, *network.graph.input]:
        del value.metadata_props[:]
    del network.graph.metadata_props[:], network.metadata_props[:]
    nodes = [*casts, *network.graph.node]
    del network.graph.node[:]
    network.graph.node.extend(nodes)
    onnx.checker.check_model(network)
    onnx.save(network, path)


def _stored_as_half(initializer: onnx.TensorProto) -> onnx.NodeProto:
    """Rewrites the initializer and returns the node that gives back its name in float32."""
    wide, narrow = initializer.name, f"{initializer.name}.half"
    values = numpy_helper.to_array(initializer).astype("float16")
    initializer.CopyFrom(numpy_helper.from_array(values, narrow))
    return onnx.helper.make_node("Cast", [narrow], [wide], to=onnx.TensorProto.FLOAT)


def widen(path: Path) -> None:
    """Store the kernels of an artefact's ONNX file in float32 again, without what widened them."""
    network = onnx.load(path)
    halves = {initializer.name: initializer for initializer in network.graph.initializer}
    nodes = []
    for node in network.graph.node:
        half = halves.get(node.input[0]) if node.op_type == "Cast" else None
        if half is None or half.data_type != onnx.TensorProto.FLOAT16:
            nodes.append(node)
            continue
        values = numpy_helper.to_array(half).astype("float32")
        half.CopyFrom(numpy_helper.from_array(values, node.output[0]))
    del network.graph.node[:]
    network.graph.node.extend(nodes)
    onnx.checker.check_model(network)
    onnx.save(network, path)
