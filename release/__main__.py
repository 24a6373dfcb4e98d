"""`python -m release bill` and `python -m release trace`: write what a release is shown by."""

import sys
from pathlib import Path

from release.bill import write_bills
from release.trace import write_trace

ROOT = Path(__file__).parents[1]
_PARTS = {"bill": write_bills, "trace": write_trace}


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in _PARTS:
        sys.exit(f"python -m release {' | '.join(_PARTS)}")
    for path in _PARTS[sys.argv[1]](ROOT):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
