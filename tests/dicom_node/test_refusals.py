"""Lines that strangers cause: some of each kind, and then how many more."""

from structlog.testing import capture_logs

from dicom_node.refusals import RefusalLog


def test_of_a_thousand_alike_some_are_logged_and_the_rest_counted() -> None:
    refusals = RefusalLog(window_seconds=0, lines_per_window=3)
    with capture_logs() as lines:
        for number in range(1000):
            refusals.warning("connection_refused", kind="others came", address=str(number))
        refusals.warning("connection_refused", kind="no place", address="192.0.2.1")
        refusals.sum_up()
    reasons = [line["reason"] for line in lines]
    assert reasons == ["others came"] * 3 + ["no place", "others came"]
    assert lines[-1]["event"] == "more_refusals"
    assert (lines[-1]["of"], lines[-1]["count"]) == ("connection_refused", 997)


def test_after_that_they_are_logged_anew() -> None:
    refusals = RefusalLog(window_seconds=0, lines_per_window=1)
    with capture_logs() as lines:
        for _ in range(2):
            refusals.warning("association_rejected", address="192.0.2.1")
        refusals.sum_up()
        refusals.warning("association_rejected", address="192.0.2.1")
    assert [line["event"] for line in lines] == [
        "association_rejected",
        "more_refusals",
        "association_rejected",
    ]


def test_what_is_going_on_is_not_summed_up_yet() -> None:
    refusals = RefusalLog(window_seconds=60, lines_per_window=1)
    with capture_logs() as lines:
        for _ in range(5):
            refusals.warning("association_rejected", address="192.0.2.1")
        refusals.sum_up()
    assert len(lines) == 1
