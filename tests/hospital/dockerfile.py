"""The Dockerfile's stages, and what a build would find in the checkout."""

import fnmatch
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.hospital.compose import ROOT


@dataclass
class Stage:
    """One FROM and the instructions that follow it, continuation lines joined."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def arguments(self, instruction: str) -> list[str]:
        return [text for name, text in self.instructions if name == instruction]

    def copies(self) -> list[tuple[list[str], str]]:
        """What COPY takes from the checkout, and where it goes."""
        texts = [text.split() for text in self.arguments("COPY") if "--from" not in text]
        return [(words[:-1], words[-1]) for words in texts]


def read_stages() -> dict[str, Stage]:
    stages: dict[str, Stage] = {}
    for instruction, text in _instructions():
        if instruction == "FROM":
            base, _, name = text.split()
            stages[name] = current = Stage(name, base)
        else:
            current.instructions.append((instruction, text))
    return stages


def lineage(stages: dict[str, Stage], name: str) -> list[Stage]:
    """The stage and those it is built on, the image it starts from last."""
    stage = stages[name]
    return [stage, *(lineage(stages, stage.base) if stage.base in stages else [])]


def copy_as_built(folder: Path) -> None:
    """Lay out in `folder` what the images have in their working directory."""
    for sources, target in read_stages()["source"].copies():
        for source in sources:
            if not is_sent(Path(source)):
                raise FileNotFoundError(f".dockerignore keeps {source} from the build")
            _copy(ROOT / source, folder / target)


def is_sent(path: Path) -> bool:
    """Whether .dockerignore lets the path reach a build: the last pattern that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and _matches(path, pattern):
            sent = line.startswith("!")
    return sent


def _matches(path: Path, pattern: str) -> bool:
    """A pattern matches a path, or a folder it is in."""
    names = [str(path), *map(str, path.parents)]
    plain = pattern.removeprefix("**/")
    if plain != pattern:
        return any(fnmatch.fnmatch(part, plain) for part in path.parts)
    return any(fnmatch.fnmatch(name, pattern) for name in names if name != ".")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined)]
