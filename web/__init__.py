"""The window: pages for people on what the ledger knows, and what they may do about it."""
