"""How long files are kept: what retention, a quota, or a person has removed."""
