"""Backups: a moment of the ledger and the files it names, encrypted; and the way back from one."""
