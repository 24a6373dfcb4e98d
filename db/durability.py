"""What it takes for a name in a folder to outlast a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Files that were made, renamed or removed in it stay so; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
