"""A node without a GPU has no torch: nothing that serves on a CPU may load it."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]

_SERVE = """
import sys
for absent in ("torch", "torchvision", "onnx", "safetensors"):
    sys.modules[absent] = None  # importing it raises ImportError
import cli, cli.assembly, cli.doctor
import dicom_node.listener, web.app, model.decoding.child, worker.tasks
loaded_by_the_first_use = {"fhir", "fpdf"} & set(sys.modules)
assert not loaded_by_the_first_use, loaded_by_the_first_use
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


def test_what_a_cpu_node_installs_stays_small() -> None:
    named = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    sizes = {name: _installed_bytes(name) for name in named}
    assert sizes["openvino"] > 100e6  # they are really measured
    # pyarrow alone is 171 MB. Compiled modules and pip itself come on top: less than 800 MB.
    assert sum(sizes.values()) < 640e6


def test_no_decoder_is_installed_that_dies_of_damaged_files() -> None:
    """pydicom falls back to GDCM silently where it finds it."""
    locks = "".join(lock.read_text() for lock in ROOT.glob("requirements*.lock"))
    assert "pylibjpeg==" in locks  # they are really searched
    assert not re.findall(r"^(python-)?gdcm==", locks, re.MULTILINE)
    assert find_spec("gdcm") is None


def _installed_bytes(name: str) -> int:
    """Nothing of what another platform needs alone."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return 0
    paths = [Path(str(found.locate_file(file))) for file in found.files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file() and path.suffix != ".pyc")
