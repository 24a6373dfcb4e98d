"""Labelled radiographs: every layout of folders read into one kind of row."""
