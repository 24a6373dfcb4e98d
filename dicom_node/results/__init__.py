"""The objects that go back to the PACS, built from a finding and the headers received."""
