"""No process of the node leaves its memory on a disk when it crashes: patients are in it."""

import resource


def forbid_core_dumps() -> None:
    """For this process and all that it starts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
