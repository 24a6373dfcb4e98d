"""Fixtures of the doors: one node per module, since it starts in milliseconds and stops slowly."""

from collections.abc import Callable, Iterator

import pytest

from tests.dicom_node.listening import Node, running_node


@pytest.fixture(scope="module")
def node(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """A listener that anybody may call, on SQLite."""
    with running_node(new_ledger("sqlite"), tmp_path_factory.mktemp("spool")) as running:
        yield running
