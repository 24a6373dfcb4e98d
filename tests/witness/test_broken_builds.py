"""The witness names what each broken build breaks, and nothing in a sound one."""

import pytest

from tests.witness.broken_builds import BUILDS, BrokenBuild, try_build

pytestmark = [pytest.mark.integration, pytest.mark.soak, pytest.mark.timeout(600)]
_EACH = pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name.replace(" ", "-"))


@_EACH
def test_it_is_named(build: BrokenBuild) -> None:
    assert build.invariant in {one.invariant for one in try_build(build)}


@_EACH
def test_a_sound_build_passes(build: BrokenBuild) -> None:
    assert try_build(build, is_sound=True) == []
