"""A page that asks who comes, shared by the tests of a file."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from tests.web.signing import login_window
from tests.web.window import Window


@pytest.fixture(scope="module")
def served(
    new_ledger: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Window, Engine]]:
    with login_window(new_ledger("sqlite"), tmp_path_factory.mktemp("access")) as opened:
        yield opened


@pytest.fixture(scope="module")
def window(served: tuple[Window, Engine]) -> Window:
    return served[0]


@pytest.fixture(scope="module")
def engine(served: tuple[Window, Engine]) -> Engine:
    return served[1]
