"""A node without a GPU has no torch: nothing that serves on a CPU may load it."""

import subprocess
import sys

_SERVE = """
import sys
for absent in ("torch", "torchvision", "onnx", "safetensors"):
    sys.modules[absent] = None  # importing it raises ImportError
import cli, cli.assembly, cli.doctor
import dicom_node.listener, web.app, worker.decode_child, worker.tasks
from model.artefact import bundled_artefact
from model.classifier import FractureClassifier
from model.radiograph import Radiograph
from phantom.radiograph import PhantomSpec, make_phantom
grey = make_phantom(PhantomSpec(1, rows=320, columns=256)).pixels.astype("float32") / 4095
print(FractureClassifier.load(bundled_artefact(), "cpu").predict([Radiograph(grey)])[0].state)
"""


def test_a_cpu_node_serves_without_torch() -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", _SERVE], capture_output=True, text=True, timeout=120, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.strip() in {"fracture", "possible", "none"}
