"""Settings of the classifier: which one it is, who vouches for it, where it runs."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from settings.entries import Words, parse_words


class ClassifierSettings(BaseModel):
    """A part of `settings.Settings`."""

    model_dir: Path | None = Field(
        None, description="Folder of the classifier's artefact; unset: the bundled one."
    )
    shadow_model_dir: Path | None = Field(
        None,
        description="Folder of an artefact on trial: it looks too, and nothing of it is sent.",
    )
    model_keys: Words = Field(
        (),
        description="PEM files of public keys (Ed25519): a classifier that did not come with the "
        "node needs the signature of one of them; empty: of nobody.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where the classifier runs: `auto`, `cpu` or `cuda`."
    )

    @field_validator("model_keys", mode="before")
    @classmethod
    def _parse_model_keys(cls, value: Any) -> Any:
        return parse_words(value)
