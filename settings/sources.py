"""Where settings come from: names of the environment that are no settings themselves."""

import os
from pathlib import Path

PREFIX = "OSTEON_"
CONFIG_VARIABLE = "OSTEON_CONFIG"
SECRETS_VARIABLE = "OSTEON_SECRETS_DIR"  # pragma: allowlist secret


def config_file() -> Path:
    return Path(os.environ.get(CONFIG_VARIABLE) or "osteon.toml")
