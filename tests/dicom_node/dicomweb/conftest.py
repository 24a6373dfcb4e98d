"""One gateway per module, beside the module's node."""

from collections.abc import Iterator

import pytest

from tests.dicom_node.dicomweb.gateway import Gateway, running_gateway
from tests.dicom_node.listening import Node


@pytest.fixture(scope="module")
def gateway(node: Node) -> Iterator[Gateway]:
    with running_gateway(node) as running:
        yield running
