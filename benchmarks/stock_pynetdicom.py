"""A storage SCP as pynetdicom's documentation has it, with nothing changed.

python -m benchmarks.stock_pynetdicom PORT [CERTIFICATE KEY AUTHORITIES]
"""

import ssl
import sys

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification


def main(port: int, *tls: str) -> None:
    ae = AE()
    ae.supported_contexts = AllStoragePresentationContexts
    ae.add_supported_context(Verification)
    context = None
    if tls:
        certificate, key, authorities = tls
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authorities)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
    handlers = [(evt.EVT_C_STORE, lambda _: 0x0000)]
    ae.start_server(("127.0.0.1", port), ssl_context=context, evt_handlers=handlers)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
