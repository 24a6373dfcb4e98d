"""Decoding in disposable children, for whoever needs an image's pixels."""
