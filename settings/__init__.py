"""Every setting of a node: the only reader of the environment and of osteon.toml."""

from settings.loading import SettingsRefused, load_settings
from settings.node import Settings
from settings.sources import config_file

__all__ = ["Settings", "SettingsRefused", "config_file", "load_settings"]
