"""Who is looking, and what they may do."""
