"""The timers of an association follow no clock on the wall."""

import time

import pytest

from dicom_node.transport.prompt_layer import MonotonicTimer


@pytest.mark.parametrize("step_seconds", [3600, -3600])
def test_a_step_of_the_clock_neither_ends_nor_prolongs_a_wait(
    monkeypatch: pytest.MonkeyPatch, step_seconds: float
) -> None:
    timer, now = MonotonicTimer(0.05), time.time()
    timer.start()
    monkeypatch.setattr(time, "time", lambda: now + step_seconds)
    assert not timer.expired
    time.sleep(0.06)
    assert timer.expired


def test_a_timer_that_is_stopped_or_not_begun_does_not_expire() -> None:
    timer = MonotonicTimer(0.01)
    assert timer.remaining == 0.01
    timer.start()
    timer.stop()
    time.sleep(0.02)
    assert not timer.expired
    assert MonotonicTimer(None).remaining == 1
