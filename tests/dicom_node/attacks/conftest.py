"""A listener in a process of its own for the attacks of one module."""

from collections.abc import Callable, Iterator

import pytest

from tests.dicom_node.attacked_listener import AttackedListener, attacked_listener


@pytest.fixture(scope="module")
def attacked(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AttackedListener]:
    folder = tmp_path_factory.mktemp("attacked")
    with attacked_listener(new_ledger("sqlite"), folder) as listener:
        yield listener
