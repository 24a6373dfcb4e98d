"""Routing rules: which images are analysed, how urgently, and where their results go."""
