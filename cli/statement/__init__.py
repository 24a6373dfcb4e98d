"""The tables of the DICOM Conformance Statement, made from the code that they speak of."""
