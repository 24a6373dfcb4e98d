"""The doors over HTTP (PS3.18): objects in by STOW-RS, results out by QIDO-RS and WADO-RS."""
