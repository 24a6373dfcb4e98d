"""Poison for the processes of a node: a codec and a classifier with faults.

On their path as `sitecustomize`. In a decode child the codec obeys the element Image Comments. In a
worker the classifier obeys the image's number of columns, the only thing of a file that reaches it.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
from types import ModuleType
from typing import Any

FAULTS = {
    "segmentation fault": 201,
    "killed": 202,
    "memory": 203,
    "hang": 204,
    "sys.exit": 205,
    "os._exit": 206,
    "device memory": 207,
    "recursion": 208,
}
HANG_SECONDS = 3600


class OutOfMemoryError(RuntimeError):
    """What torch raises when CUDA has no memory left; OpenVINO raises a plain RuntimeError."""


def commit(fault: str) -> None:
    if fault == "segmentation fault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif fault == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == "memory":
        raise MemoryError
    elif fault == "hang":
        time.sleep(HANG_SECONDS)
    elif fault == "sys.exit":
        sys.exit(3)
    elif fault == "os._exit":
        os._exit(3)
    elif fault == "device memory":
        raise OutOfMemoryError("CUDA out of memory")
    elif fault == "recursion":
        commit(fault)


class _Poisoner(importlib.abc.MetaPathFinder):
    """Changes a module as soon as it is loaded, in whichever process loads it."""

    def find_spec(self, name: str, path: Any, _target: Any = None) -> Any:
        if name not in _POISONS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                _POISONS[name](module)

            with contextlib.suppress(AttributeError):
                spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _poison_codec(module: Any) -> None:
    sound = module.iter_pixels

    def iter_pixels(dataset: Any, **options: Any) -> Any:
        commit(str(dataset.get("ImageComments", "")))
        return sound(dataset, **options)

    module.iter_pixels = iter_pixels


def _poison_classifier(module: Any) -> None:
    sound = module.FractureClassifier.predict
    by_columns = {columns: fault for fault, columns in FAULTS.items()}

    def predict(self: Any, radiographs: Any) -> Any:
        for radiograph in radiographs:
            commit(by_columns.get(radiograph.pixels.shape[1], ""))
        return sound(self, radiographs)

    module.FractureClassifier.predict = predict


_POISONS = {"pydicom.pixels": _poison_codec, "model.classifier": _poison_classifier}
if __name__ == "sitecustomize":
    sys.meta_path.insert(0, _Poisoner())
