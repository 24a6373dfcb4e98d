"""`make demo`: a node comes up, a study goes in by C-STORE, a report comes back."""

import argparse
import signal
import sys
from pathlib import Path

from demo.run import DemoFailed, run_demo
from demo.screen import Screen

_TERMINATED = 143


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the report came back")
    parser.add_argument("--image", type=Path, help="your own DICOM, PNG or JPEG file")
    parser.add_argument("--folder", type=Path, default=Path("osteon-demo"))
    arguments = parser.parse_args()
    screen = Screen()
    # However the demonstration is ended, its node ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        run_demo(arguments.folder, arguments.image, screen, keep_running=not arguments.once)
    except DemoFailed as failure:
        screen.failed(str(failure))
        return 1
    except KeyboardInterrupt:
        screen.say("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
