"""Pulling from one PACS into this node: asking, comparing with the ledger, fetching."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from cli.reconciling import Account
from db.reconciliation import LedgerStudy, PacsStudy, compare, load_ledger_studies, needs_images
from db.session import reading
from dicom_node.peer import Destination, PeerTrouble, PeerUnavailable
from dicom_node.query_retrieve.query_client import FoundInstance, QueryClient, StudyQuery, querying
from dicom_node.query_retrieve.retrieve_client import Reception, RetrieveClient, Way
from dicom_node.query_retrieve.study_fetch import FetchedStudy, StudyFetch

# Shows a person how far it is: the items, how many (None: nobody knows), what is being done.
Watched = Callable[[Iterable[Any], int | None, str], Iterable[Any]]
Instances = list[FoundInstance]


@dataclass(frozen=True)
class Comparison:
    """Which studies are compared, and how: `by_count` takes equal numbers for equal images."""

    query: StudyQuery
    overdue_before: datetime
    by_count: bool = False


@dataclass(frozen=True)
class Named:
    """What the PACS names of what was asked for, by study; `lacking`: what it has not, in words."""

    instances: dict[str, Instances]
    lacking: list[str]


@dataclass(frozen=True)
class Pull:
    """A PACS, and the node that pulls from it; `named`: what it is called where results go."""

    destination: Destination
    named: frozenset[str]
    ae_title: str
    reception: Reception
    watched: Watched

    def instances_of(
        self,
        study_uids: Collection[str],
        accession_numbers: Collection[str],
        series_uids: Collection[str],
    ) -> Named:
        """What the PACS names of the studies, or of these series in them."""
        with querying(self.destination, self.ae_title) as pacs:
            numbered = {one: pacs.studies_with_accession_number(one) for one in accession_numbers}
            uids = dict.fromkeys([*study_uids, *chain.from_iterable(numbered.values())])
            whole = {uid: pacs.instances(uid) for uid in uids}
        there = {one.series_instance_uid for instances in whole.values() for one in instances}
        named = {uid: _of_series(instances, series_uids) for uid, instances in whole.items()}
        lacking = [f"accession number {number}" for number, found in numbered.items() if not found]
        lacking += [f"study {uid}" for uid, instances in whole.items() if not instances]
        lacking += [f"series {uid} in these studies" for uid in series_uids if uid not in there]
        return Named({uid: instances for uid, instances in named.items() if instances}, lacking)

    def fetch(
        self, named: Mapping[str, Instances], by: Way, *, by_series: bool
    ) -> Iterator[FetchedStudy]:
        """Fetch the studies, one after the other, whole or the series of these instances."""
        client = RetrieveClient(self.destination, self.ae_title, self.reception)
        fetching = StudyFetch(self.reception.engine, client, by)
        for uid in self.watched(named, len(named), "fetching"):
            series_uids = {one.series_instance_uid for one in named[uid] if by_series}
            yield fetching.fetch(uid, named[uid], tuple(sorted(series_uids)))

    def account(self, comparison: Comparison) -> Account:
        """Ask the PACS what it has, and compare."""
        account = Account()
        with querying(self.destination, self.ae_title) as pacs:
            asked = self._studies(pacs, comparison.query)
            known = self._known(asked)
            trusted = comparison.by_count
            unclear = [u for u in known if not trusted or needs_images(asked[u], known[u])]
            for uid in self.watched(unclear, len(unclear), "comparing images"):
                images = _images(pacs, uid, comparison.query, account)
                # Without an answer the number is no proof either.
                asked[uid] = PacsStudy(uid, images=None if images is None else _uids(images))
            account.unreadable_matches = pacs.unreadable_matches
        self._compare(account, asked, known, comparison)
        return account

    def backfill(self, account: Account, comparison: Comparison, by: Way) -> None:
        """Fetch what the account says is missing, and bring it up to date."""
        missing = account.missing
        if not missing:
            return
        with querying(self.destination, self.ae_title) as pacs:
            answers = {uid: _images(pacs, uid, comparison.query, account) for uid in missing}
        for uid, images in answers.items():
            if images == []:
                account.remarks[uid] = "the PACS names no image in it"
        named = {uid: images for uid, images in answers.items() if images}
        for one in self.fetch(self._lacking(named), by, by_series=True):
            account.note_fetched(one)
        asked = {uid: PacsStudy(uid, images=_uids(images)) for uid, images in named.items()}
        self._compare(account, asked, self._known(asked), comparison)

    def _studies(self, pacs: QueryClient, query: StudyQuery) -> dict[str, PacsStudy]:
        return {
            study.study_instance_uid: PacsStudy(study.study_instance_uid, study.instances)
            for _, found in self.watched(pacs.studies(query), None, "asking")
            for study in found
        }

    def _known(self, uids: Collection[str]) -> dict[str, LedgerStudy]:
        with reading(self.reception.engine) as session:
            return load_ledger_studies(session, uids, self.named)

    def _lacking(self, named: Mapping[str, Instances]) -> dict[str, Instances]:
        """By study the images that are not here."""
        known = self._known(named)
        here = {uid: study.received for uid, study in known.items()}
        lacking = {
            uid: [one for one in images if one.sop_instance_uid not in here.get(uid, ())]
            for uid, images in named.items()
        }
        return {uid: images for uid, images in lacking.items() if images}

    def _compare(
        self,
        account: Account,
        asked: Mapping[str, PacsStudy],
        known: Mapping[str, LedgerStudy],
        comparison: Comparison,
    ) -> None:
        for uid, study in asked.items():
            account.studies[uid] = compare(study, known.get(uid), comparison.overdue_before)


def _images(pacs: QueryClient, uid: str, query: StudyQuery, account: Account) -> Instances | None:
    """The study's images of the modalities; None where the PACS does not say."""
    try:
        return [one for one in pacs.instances(uid, query.modalities) if one.may_be_image]
    except PeerTrouble as trouble:
        if isinstance(trouble, PeerUnavailable) and trouble.status is None:
            raise  # it is not there, and will not be for the next study
        account.remarks[uid] = str(trouble)
        return None


def _of_series(instances: Instances, series_uids: Collection[str]) -> Instances:
    return [one for one in instances if not series_uids or one.series_instance_uid in series_uids]


def _uids(instances: Instances) -> frozenset[str]:
    return frozenset(one.sop_instance_uid for one in instances)
