"""A listener in a process of its own, with every library as talkative as it can be.

`python -m tests.dicom_node.listener_process LEDGER_URL FOLDER`: prints its port, and stops when
its standard input is closed.
"""

import logging
import sys
import warnings
from pathlib import Path

import pydicom.config

from db.session import open_ledger
from dicom_node.listener import Listener, ListenerConfig
from dicom_node.policy import AssociationPolicy
from dicom_node.spool import FileSpool


def main(ledger_url: str, folder: str) -> None:
    logging.basicConfig(level=logging.DEBUG)
    logging.getLogger("pynetdicom").setLevel(logging.DEBUG)
    pydicom.config.debug(True)
    warnings.simplefilter("always")
    config = ListenerConfig(AssociationPolicy("OSTEON"), name="process", port=0)
    listener = Listener(config, open_ledger(ledger_url), FileSpool(Path(folder)))
    listener.start()
    print("port", listener.port, flush=True)
    sys.stdin.read()
    listener.stop(drain_seconds=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
