"""Images without the people in them: PS3.15 Annex E, by a list of what may stay."""
