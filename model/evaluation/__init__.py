"""How well a classifier does on labelled radiographs."""
