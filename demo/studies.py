"""The study that the demonstration sends: two phantom views, or the user's own image."""

from pathlib import Path
