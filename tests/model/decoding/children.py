"""Decode children, counted: none is left behind."""

import contextlib
from collections.abc import Iterator

import psutil

from model.decoding.decoder import DecodeLimits, Decoder

LIMITS = DecodeLimits(seconds=30, memory_bytes=1 << 30)


@contextlib.contextmanager
def decoding(limits: DecodeLimits = LIMITS) -> Iterator[Decoder]:
    """A decoder that leaves neither process nor file descriptor behind."""
    descriptors, processes = _count_descriptors(), children()
    decoder = Decoder(limits)
    try:
        yield decoder
    finally:
        decoder.close()
    assert children() == processes
    assert _count_descriptors() == descriptors


def children() -> list[int]:
    """The decode children, oldest first; other tests' servers are children of this process too."""
    return [one.pid for one in psutil.Process().children() if "model.decoding.child" in _words(one)]


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def _count_descriptors() -> int:
    return psutil.Process().num_fds()
