"""From a network to the files others run, held to the network they came from."""
