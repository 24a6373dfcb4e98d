"""Several threads of a worker share one network, from their very first question on."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from model.artefact import bundled_artefact
from model.classifier import FractureClassifier
from model.radiograph import Radiograph

_FIRST_QUESTIONS_AT_ONCE = """
import threading, numpy
from concurrent.futures import ThreadPoolExecutor
from model.artefact import bundled_artefact
from model.classifier import FractureClassifier
from model.radiograph import Radiograph
grey = Radiograph(numpy.random.default_rng(0).random((96, 64), dtype=numpy.float32))
classifier = FractureClassifier.load(bundled_artefact(), "cpu")
together = threading.Barrier(4)
def ask(_):
    together.wait()
    for _ in range(5):
        classifier.predict([grey])
with ThreadPoolExecutor(4) as pool:
    list(pool.map(ask, range(4)))
"""


def test_first_questions_asked_at_once_are_all_answered() -> None:
    # A process for itself: threads that wait for each other for ever cannot be ended.
    for _ in range(3):
        command = [sys.executable, "-c", _FIRST_QUESTIONS_AT_ONCE]
        subprocess.run(command, check=True, timeout=60)


def test_threads_get_the_answers_of_one_thread() -> None:
    classifier = FractureClassifier.load(bundled_artefact(), "cpu")
    random = np.random.default_rng(1)
    images = [Radiograph(random.random((80, 64), dtype=np.float32)) for _ in range(8)]
    alone = [classifier.predict([image])[0].logit for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = [one[0].logit for one in pool.map(lambda i: classifier.predict([i]), images)]
    assert together == alone
