"""The ledger: what was received, found, reported and sent, and the work still to be done."""
