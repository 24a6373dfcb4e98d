"""The doors: DICOM objects come in by C-STORE, and results go out to the peers."""
