"""The window: a page on what the ledger knows of studies and work, and nothing of patients."""
