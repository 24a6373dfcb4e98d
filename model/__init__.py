"""The eye: from a radiograph's pixels to a calibrated prediction, and how it learned that."""
