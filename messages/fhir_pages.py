"""Pages of search results, each beginning where the one before it ended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from db.report_archive import ArchivedReport, find_reports
from messages.fhir_archive import FhirArchive
from messages.fhir_device import device
from messages.fhir_outcome import invalid
from messages.fhir_resources import checked, make_resources_of, versioned
from messages.fhir_search import Search
from messages.fhir_values import Element

DEFAULT_COUNT = 20
MAX_COUNT = 100


@dataclass(frozen=True)
class Place:
    """Where a page begins: a study's row, and how many of its resources are on earlier pages."""

    row: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.row}.{self.skipped}"


@dataclass(frozen=True)
class Page:
    resources: list[Element]
    following: Place | None


def parse_place(text: str) -> Place:
    row, _, skipped = text.partition(".")
    if not (_is_number(row) and _is_number(skipped)):
        raise invalid("_cursor is taken from a next link, never made up")
    return Place(int(row), int(skipped))


def parse_count(text: str) -> int:
    if not _is_number(text) or int(text) == 0:
        raise invalid("_count is a number of resources, 1 or more")
    return min(int(text), MAX_COUNT)


def _is_number(text: str) -> bool:
    # Nine digits are within every database's integers.
    return text.isascii() and text.isdecimal() and len(text) <= 9


def take_page(placed: Iterator[tuple[Place, Element]], search: Search, count: int) -> Page:
    """The next `count` resources that the search keeps."""
    resources: list[Element] = []
    for place, resource in placed:
        if not search.keeps(resource):
            continue
        if len(resources) == count:
            return Page(resources, place)
        resources.append(resource)
    return Page(resources, None)


def placed_resources(
    session: Session, archive: FhirArchive, resource_type: str, search: Search, start: Place
) -> Iterator[tuple[Place, Element]]:
    """All of the type from the place on, made only as far as they are asked for."""
    if resource_type == "Device":
        yield from _placed_devices(session, archive, start)
        return
    for report in _reports(session, search, start):
        skipped = start.skipped if report.study_id == start.row else 0
        made = make_resources_of(resource_type, archive.source(report))
        for ordinal, resource in enumerate(made[skipped:], start=skipped):
            yield Place(report.study_id, ordinal), resource


def _reports(session: Session, search: Search, start: Place) -> Iterator[ArchivedReport]:
    row = start.row
    while reports := find_reports(
        session, search.conditions, from_study_id=row, limit=DEFAULT_COUNT
    ):
        yield from reports
        row = reports[-1].study_id + 1


def _placed_devices(
    session: Session, archive: FhirArchive, start: Place
) -> Iterator[tuple[Place, Element]]:
    made = [versioned(device(equipment)) for equipment in archive.equipments(session)]
    for row, resource in enumerate(made[start.row :], start=start.row):
        yield Place(row), resource


def searchset(base_url: str, resource_type: str, search: Search, count: int, page: Page) -> Element:
    """The Bundle: its self link says what was understood (R4 3.1.1.3)."""
    links = [_link("self", base_url, resource_type, [*search.used, ("_count", str(count))])]
    if page.following is not None:
        rest = [*search.used, ("_count", str(count)), ("_cursor", str(page.following))]
        links.append(_link("next", base_url, resource_type, rest))
    entries = [
        {
            "fullUrl": f"{base_url}/{resource_type}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in page.resources
    ]
    return checked({"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries})


def _link(
    relation: str, base_url: str, resource_type: str, asked: Sequence[tuple[str, str]]
) -> Element:
    return {"relation": relation, "url": f"{base_url}/{resource_type}?{urlencode(asked)}"}
