"""When a failed job is tried again."""

import random

import pytest

from db.retry import RetryPolicy


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 2), (2, 4), (3, 8), (6, 60), (7, 60), (5000, 60)]
)
def test_delays_double_up_to_the_greatest(attempt: int, seconds: float) -> None:
    policy = RetryPolicy(None, first_delay_seconds=2, max_delay_seconds=60, jitter=0)
    assert policy.delay_seconds(attempt, random.Random(1)) == seconds


def test_jitter_spreads_delays_by_its_fraction() -> None:
    policy = RetryPolicy(None, first_delay_seconds=100, max_delay_seconds=900, jitter=0.2)
    chance = random.Random(1)
    delays = [policy.delay_seconds(1, chance) for _ in range(500)]
    assert 80 <= min(delays) < 85 and 115 < max(delays) <= 120


@pytest.mark.parametrize(
    ("most", "attempt", "exhausted"), [(3, 2, False), (3, 3, True), (None, 10**6, False)]
)
def test_attempts_run_out(most: int | None, attempt: int, exhausted: bool) -> None:
    assert RetryPolicy(most, 1, 1).exhausted_by(attempt) is exhausted
