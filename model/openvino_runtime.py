"""OpenVINO without its telemetry.

Loaded as it is, it counts the load with Google Analytics unless someone opted out: it forks this
process, whatever its threads hold, and asks the name service for a way out of the hospital.
"""

import sys

# Python's way to say that a module is not there (https://docs.python.org/3/reference/import.html):
# OpenVINO then takes the stand-in that it brings along.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402, TID251

__all__ = ["openvino"]
