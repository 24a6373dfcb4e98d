"""C-FIND, C-MOVE and C-GET, both ways."""
