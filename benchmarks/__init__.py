"""How fast the node's own paths are, as ratios that hold on any machine."""
