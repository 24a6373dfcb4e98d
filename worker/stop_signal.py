"""The wish that a process ends, which a signal handler may utter at any moment."""

import os
import select


class StopSignal:
    """Set once, and for good.

    threading.Event takes a lock to be set. The handler of a signal runs in the main thread, which
    may hold that lock just then because it waits: it would wait for itself for ever.
    """

    def __init__(self) -> None:
        self._hearing, self._telling = os.pipe()
        os.set_blocking(self._telling, False)

    def set(self) -> None:
        os.write(self._telling, b"!")

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it was set within so many seconds; without them, until it is."""
        poller = select.poll()
        poller.register(self._hearing, select.POLLIN)
        return bool(poller.poll(None if seconds is None else seconds * 1000))
