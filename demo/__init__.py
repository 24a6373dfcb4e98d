"""The demonstration: a node, a small test PACS and one study that goes the whole way."""
