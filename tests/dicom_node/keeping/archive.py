"""Studies whose files really lie in a spool: received, result objects and pictures."""

import os
import time
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Engine, update

from db.intake import ReceivedInstance
from db.session import transaction
from db.tables import Analysis, Instance, ResultObject
from dicom_node.spool import FileSpool
from tests.db.keeping import age_everything, finish_study
from tests.db.ledger import received, rows

DAY_SECONDS = 86400.0


@dataclass
class KeptStudies:
    """What the node has, and short ways to look at it."""

    engine: Engine
    spool: FileSpool

    def finish(self, study: str, content: bytes = b"pixels of ", **changes: object) -> str:
        """A study proved to be kept elsewhere; the key of its received file."""
        key = self.spool.write(content + study.encode()).key
        size = len(content) + len(study)
        values = {"spool_key": key, "sha256": key, "size_bytes": size}
        finish_study(self.engine, study=study, **(values | changes))
        return key

    def give_results_files(self, heatmap: bytes = b"heat") -> list[str]:
        """Every result object and analysis a file; all heatmaps are the same one."""
        heat = self.spool.write(heatmap).key
        with transaction(self.engine) as session:
            for made in rows(self.engine, ResultObject):
                key = self.spool.write(f"result {made.id}".encode()).key
                session.execute(
                    update(ResultObject).where(ResultObject.id == made.id).values(spool_key=key)
                )
            session.execute(update(Analysis).values(heatmap_key=heat))
        return self.files()

    def age(self, days: float) -> None:
        """Rows and files."""
        age_everything(self.engine, days)
        moment = time.time() - days * DAY_SECONDS
        for path in (self.spool.root / "kept").glob("*/*"):
            os.utime(path, (moment, moment))

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.spool.root / "kept").glob("*/*"))

    def received(self) -> set[str]:
        """The files of what was received, as far as rows say that they are here."""
        return {one.spool_key for one in rows(self.engine, Instance) if one.purged_at is None}

    def promised(self) -> set[str]:
        """The files that rows say are here."""
        made = {one.spool_key for one in rows(self.engine, ResultObject) if one.purged_at is None}
        drawn = {
            key
            for one in rows(self.engine, Analysis)
            for key in (one.heatmap_key, one.annotated_key)
            if key is not None
        }
        return self.received() | made | drawn

    def instance(self, study: str, content: bytes = b"pixels of ") -> ReceivedInstance:
        """The very object of `finish` as a listener describes it."""
        key = sha256(content + study.encode()).hexdigest()
        return received(study=study, spool_key=key, sha256=key)
