"""The machines' door over HTTP: DICOMweb and FHIR, behind one token."""
