"""UIDs that are a function of what they name: the same inputs give the same UID on every run."""

import uuid

# Ours alone; changing it would give every object of every earlier study another identity.
_NAMESPACE = uuid.UUID("8b0a2c1e-64b5-4f0e-9a7d-3f7d0f6c5e21")


def derive_uid(*parts: object) -> str:
    """A UID under 2.25 (PS3.5 B.2) from the text of the parts; at most 44 characters."""
    # The length before each part keeps ("ab", "c") and ("a", "bc") apart.
    name = "".join(f"{len(text)}:{text}" for text in map(str, parts))
    return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"


IMPLEMENTATION_CLASS_UID = derive_uid("implementation class")
IMPLEMENTATION_VERSION_NAME = "OSTEON"  # without a version: see transfer.py
