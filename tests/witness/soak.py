"""The soak: kill -9 for hours, then a long undisturbed load, and what both showed, as a report.

    python -m tests.witness.soak --instances 100000 --kills 1000 --minutes 240 --seed 1 --report DIR

Half of the time is for the kills, on either pair of servers; the other half for the long load on
PostgreSQL and Redis. What the time does not allow is left out, and the report says how much was
done. Exit code 0: nothing lost, nothing twice, nothing grows.
"""

import argparse
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.end_to_end.node import ROOT
from tests.witness.campaign import SERVERS, Campaign, Load, Servers, components, node_with_witness
from tests.witness.endurance import Endurance, LongLoad
from tests.witness.plots import plot_resources
from tests.witness.resources import Sampler, trends

# Small enough to end with its share of the time, whatever the machine; 40 are 1,000 kills under
# 20,000 instances.
_ROUND = Load(studies=20, images=10, others=15, kills=25)
_PLOT = "resources.png"


def main(words: list[str]) -> int:
    options = _options(words)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    report: dict[str, Any] = {"seed": seed, "began": datetime.now(UTC).isoformat(), **_versions()}
    options.report.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="osteon-soak-") as folder:
        if options.kills:
            minutes = options.minutes / 2 if options.instances else options.minutes
            report["kills"] = _kill_for(Path(folder), options.kills, minutes, random.Random(seed))
        if options.instances:
            minutes = options.minutes / 2 if options.kills else options.minutes
            load = LongLoad(options.instances, minutes, name=f"soak-{seed}")
            report["endurance"] = _endure(Path(folder) / "endurance", load, options.report)
    report["ended"] = datetime.now(UTC).isoformat()
    (options.report / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    faults = [*_faults(report)]
    (options.report / "report.md").write_text(_as_page(report, faults))
    print(f"{options.report / 'report.md'}: {'; '.join(faults) or 'nothing lost, nothing grows'}")
    return 1 if faults else 0


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.witness.soak", description=__doc__)
    parser.add_argument("--instances", type=int, default=100_000, help="of the long load; 0: none")
    parser.add_argument("--kills", type=int, default=1000, help="0: none")
    parser.add_argument("--minutes", type=float, default=240)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--report", type=Path, default=Path("soak-report"))
    return parser.parse_args(words)


def _kill_for(folder: Path, kills: int, minutes: float, chance: random.Random) -> dict[str, Any]:
    """Round after round, on either pair of servers in turn, each with a node of its own."""
    deadline = time.monotonic() + minutes * 60
    rounds: list[dict[str, Any]] = []
    while sum(one["kills"] for one in rounds) < kills and time.monotonic() < deadline:
        servers = SERVERS[len(rounds) % len(SERVERS)]
        where = folder / f"round-{len(rounds)}"
        with node_with_witness(where, servers) as scene:
            scene.node.start("web")
            campaign = Campaign(scene.node, scene.witness, components(scene), chance)
            rounds.append({"servers": servers.value, **campaign.run_to_the_end(_ROUND)})
        print(json.dumps(rounds[-1]), flush=True)
    return {"kills": sum(one["kills"] for one in rounds), "rounds": rounds}


def _endure(folder: Path, load: LongLoad, report: Path) -> dict[str, Any]:
    with node_with_witness(folder, Servers.HOSPITAL) as scene:
        node, witness = scene.node, scene.witness
        endurance = Endurance(node, witness)
        sampler = endurance.run(load)
        node.stop_all()
        node.spool.sweep(older_than_seconds=-1)
        violations = witness.check(node.spool.root, node.ledger_url)
    plot_resources(sampler.samples, report / _PLOT)
    return {
        "instances": endurance.acknowledged,
        "seconds": round(endurance.seconds, 1),
        "instances per second": round(endurance.acknowledged / endurance.seconds, 1),
        "found": witness.report(),
        "violations": [str(one) for one in violations],
        "trends": _as_rows(sampler),
    }


def _as_rows(sampler: Sampler) -> list[dict[str, Any]]:
    return [asdict(one) | {"is_flat": one.is_flat} for one in trends(sampler.samples)]


def _versions() -> dict[str, str]:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    packages = ("osteon", "pynetdicom", "pydicom", "celery", "sqlalchemy", "psycopg")
    return {
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def _faults(report: dict[str, Any]) -> Iterator[str]:
    for one in report.get("kills", {}).get("rounds", []):
        yield from one["violations"]
    endurance = report.get("endurance", {})
    yield from endurance.get("violations", [])
    for trend in endurance.get("trends", []):
        if not trend["is_flat"]:
            growth = f"{trend['per_10_000']:.2f} per 10,000 instances"
            yield f"{trend['quantity']} of {trend['process']} grows {growth}"


def _as_page(report: dict[str, Any], faults: list[str]) -> str:
    lines = ["# Soak", "", f"Seed {report['seed']}, commit {report['commit']}.", ""]
    lines += [f"Faults: {len(faults)}", *(f"- {fault}" for fault in faults), ""]
    if "kills" in report:
        rounds = report["kills"]["rounds"]
        instances = sum(one["found"]["instances acknowledged"] for one in rounds)
        lines += ["## Kills", "", f"{report['kills']['kills']} kills, {instances} instances.", ""]
        lines += ["| Servers | Kills | Seconds | Found |", "|---|---|---|---|"]
        lines += [
            f"| {one['servers']} | {one['by component']} | {one['seconds']} | {one['found']} |"
            for one in rounds
        ]
        lines.append("")
    if "endurance" in report:
        lines += _endurance_lines(report["endurance"])
    return "\n".join(lines)


def _endurance_lines(endurance: dict[str, Any]) -> list[str]:
    rate = endurance["instances per second"]
    lines = ["## Long load", "", f"{endurance['instances']} instances, {rate} a second.", ""]
    lines += [f"Found: {endurance['found']}", ""]
    lines += ["| Process | Quantity | First | Last | Per 10,000 | Grown | Flat |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [
        f"| {one['process']} | {one['quantity']} | {one['first']:.1f} | {one['last']:.1f}"
        f" | {one['per_10_000']:.2f} | {one['grown']:.1f} | {one['is_flat']} |"
        for one in endurance["trends"]
    ]
    return [*lines, "", f"![resources]({_PLOT})", ""]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
