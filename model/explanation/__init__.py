"""Where a network looks: maps for networks that draw none, and how well a map points."""
