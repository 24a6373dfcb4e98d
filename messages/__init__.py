"""The hospital's other languages: results as HL7 v2 messages and FHIR resources."""
