"""Attacks on a DICOM port, whoever listens there, and an honest caller beside them."""
