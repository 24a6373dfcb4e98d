"""Storage Commitment, both ways."""
