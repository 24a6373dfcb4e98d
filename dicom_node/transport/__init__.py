"""pynetdicom's associations without their polling and their patience, accepted or asked for.

It overrides private parts of pynetdicom, which is why that is pinned and why tests hold the parts
to what is assumed of them here (tests/dicom_node/transport/test_pynetdicom.py).
"""
