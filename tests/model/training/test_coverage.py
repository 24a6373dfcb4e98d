"""What lies where radiographs lie is covered; what lies elsewhere is strange."""

import numpy as np

from model.card import NetworkSpec
from model.networks.localising import LocalisingNetwork
from model.training.coverage import BEYOND_DOUBT, COVERED, Source, fit_coverage, fit_directions

CHANNELS = 1280


def _flat(count: int, seed: int, offset: float = 0.0) -> np.ndarray:
    """Features in a plane of twenty directions, a little noise beside it."""
    random = np.random.default_rng(seed)
    plane = np.random.default_rng(7).normal(size=(20, CHANNELS))
    along = random.normal(size=(count, 20)) @ plane
    return (along + 0.1 * random.normal(size=(count, CHANNELS)) + offset).astype(np.float32)


def _source(count: int, seed: int, offset: float = 0.0) -> Source:
    return Source(_flat(count, seed, offset), [str(row // 2) for row in range(count)])


def _network() -> LocalisingNetwork:
    spec = NetworkSpec(kind="localising", trunk="mobilenet_v2", strangeness_directions=32)
    return LocalisingNetwork(spec).eval()


def test_unseen_features_of_the_same_kind_are_covered_and_others_are_not() -> None:
    limits = fit_coverage(_network(), _source(600, seed=0), None)
    seen = fit_directions(_flat(600, 0), 32)
    assert limits.beyond_doubt < limits.covered
    assert (seen.strangeness(_flat(200, seed=1)) < limits.beyond_doubt).mean() > 0.96
    assert (seen.strangeness(4 * _flat(200, seed=2)) > limits.covered).mean() > 0.99


def test_another_source_is_let_through_once_it_is_known() -> None:
    other = _source(200, seed=3, offset=3.0)
    network = _network()
    limits = fit_coverage(network, _source(600, seed=0), other)
    seen = fit_directions(np.concatenate([_flat(600, 0), other.pooled, other.pooled]), 32)
    strange = seen.strangeness(other.pooled)
    assert (strange < limits.covered).mean() >= COVERED.elsewhere - 0.02
    assert (strange < limits.beyond_doubt).mean() >= BEYOND_DOUBT.elsewhere - 0.05
    assert network.strangeness_head is not None
    assert bool(network.strangeness_head.directions.abs().sum() > 0)


def test_no_group_is_in_both_halves() -> None:
    source = Source(np.arange(12, dtype=np.float32)[:, None], list("aabbccddeeff"))
    first, second = set(source.half(0)[:, 0]), set(source.half(1)[:, 0])
    assert first | second == set(range(12))
    assert not first & second
    assert {0.0, 1.0} <= first
