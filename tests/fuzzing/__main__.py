"""Makes a mutant again and shows what becomes of it: `python -m tests.fuzzing SEED NUMBER`."""

import sys
from io import BytesIO
from pathlib import Path

from dicom_node.header_reading import NotUnderstood
from dicom_node.received import ReceivedObject
from model.decoding.decoder import DecodeLimits, Decoder
from model.not_assessable import NotAssessable
from tests.fuzzing.mutants import mutant


def main() -> None:
    one = mutant(int(sys.argv[1]), int(sys.argv[2]))
    path = Path(f"{one.seed}-{one.number}.dcm")
    path.write_bytes(one.file())
    print(one.recipe, path, sep="\n")
    try:
        ReceivedObject(BytesIO(one.data), one.transfer_syntax_uid)
        print("listener: read")
    except NotUnderstood as refusal:
        print("listener:", refusal)
    decoder = Decoder(DecodeLimits(seconds=30, memory_bytes=2 << 30))
    try:
        shapes = [radiograph.pixels.shape for radiograph in decoder.decode(one.file())]
        print("decoder:", shapes)
    except NotAssessable as refusal:
        print("decoder:", refusal)
    decoder.close()


if __name__ == "__main__":
    main()
