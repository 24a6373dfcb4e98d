"""When work that failed is tried again, as a value."""

from dataclasses import dataclass
from random import Random

_MOST_DOUBLINGS = 30  # beyond that every delay has long met its maximum


@dataclass(frozen=True)
class RetryPolicy:
    """Delays double from the first to the greatest; `max_attempts` None: never given up."""

    max_attempts: int | None
    first_delay_seconds: float
    max_delay_seconds: float
    jitter: float = 0.2  # a delay varies by this fraction, so that retries do not march in step

    def delay_seconds(self, attempt: int, random: Random) -> float:
        """The wait after the attempt of this number, the first being 1."""
        doubled = self.first_delay_seconds * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
        delay = min(doubled, self.max_delay_seconds)
        return delay * (1 + self.jitter * random.uniform(-1, 1))

    def exhausted_by(self, attempt: int) -> bool:
        return self.max_attempts is not None and attempt >= self.max_attempts
