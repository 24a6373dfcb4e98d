"""What the processes held over a soak, as pictures for a person to look at."""

from collections.abc import Sequence
from pathlib import Path

from tests.witness.resources import LIMITS, Sample


def plot_resources(samples: Sequence[Sample], path: Path) -> None:
    """A field for each quantity, a line for each process, over the instances acknowledged."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [one for one in LIMITS if any(one in sample.values for sample in samples)]
    figure, fields = pyplot.subplots(len(shown), 1, figsize=(8, 2.3 * len(shown)), sharex=True)
    processes = sorted({sample.process for sample in samples})
    for quantity, axes in zip(shown, fields, strict=True):
        for process in processes:
            own = [one for one in samples if one.process == process]
            axes.plot(
                [one.instances for one in own],
                [one.values[quantity] for one in own],
                label=process,
                linewidth=1,
            )
        axes.set_ylabel(f"{quantity}\n({LIMITS[quantity].unit})")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    fields[0].legend(ncols=len(processes), fontsize=8, loc="lower right")
    fields[-1].set_xlabel("instances acknowledged")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
