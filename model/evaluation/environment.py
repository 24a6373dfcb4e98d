"""What the figures were made with: versions, processor and device."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("osteon", "numpy", "openvino", "torch", "scikit-learn", "pydicom", "pillow")
_PROCESSORS = Path("/proc/cpuinfo")


def describe_environment(device: str) -> dict[str, str]:
    """By name; `device` is what the classifier was told to run on."""
    return {
        "device": device,
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: found for name in _PACKAGES if (found := _version(name)) is not None},
    }


def _processor() -> str:
    """Python knows no more than the architecture on Linux."""
    if _PROCESSORS.is_file():
        for line in _PROCESSORS.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
