"""Memory that a process no longer uses, given back to the system."""

import ctypes

# glibc's; another C library need not have it.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


def return_free_memory() -> None:
    """What was freed goes back, from the middle of the heaps of all threads too.

    By itself glibc keeps in each thread's heap what the thread has needed at its most: a report's
    pages are megabytes, and are drawn in many threads.
    """
    if _trim is not None:
        _trim(0)
