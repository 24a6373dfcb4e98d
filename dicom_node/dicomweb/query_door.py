"""QIDO-RS (PS3.18 10.6): which results there are, in JSON."""

from itertools import islice
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydicom.dataset import Dataset
from sqlalchemy import Engine

from dicom_node.dicomweb.audit_notes import note_search
from dicom_node.dicomweb.dicom_json import to_dicom_json
from dicom_node.dicomweb.gateway_config import GatewayConfig
from dicom_node.dicomweb.media_types import DICOM_JSON, Form, choose_form
from dicom_node.dicomweb.query_parameters import WebQuery, read_query
from dicom_node.dicomweb.request_reading import url_of
from dicom_node.dicomweb.result_search import ResultSearch
from dicom_node.query_retrieve.query_answers import Candidate
from dicom_node.query_retrieve.query_identifier import UNIQUE_KEYS, Level
from dicom_node.spool import Spool

_ANSWER = (Form(DICOM_JSON),)
_RESOURCES = {Level.STUDY: "study", Level.SERIES: "series", Level.IMAGE: "instance"}
# The words are the standard's (PS3.18 8.3.4.3, 8.3.4.4).
_NOT_FUZZY = (
    "The fuzzymatching parameter is not supported. Only literal matching has been performed."
)
_MORE = (
    "The number of results exceeded the maximum supported by the server. "
    "Additional results can be requested."
)


class QueryDoor:
    """Tells of so many matches at once and no more: `offset` asks for the next."""

    def __init__(self, engine: Engine, spool: Spool, config: GatewayConfig) -> None:
        self._engine = engine
        self._search = ResultSearch(engine, spool)
        self._config = config

    def studies(self, request: Request) -> Response:
        return self._answer(request, Level.STUDY)

    def series(self, request: Request) -> Response:
        return self._answer(request, Level.SERIES)

    def instances(self, request: Request) -> Response:
        return self._answer(request, Level.IMAGE)

    def _answer(self, request: Request, level: Level) -> Response:
        choose_form(request, _ANSWER)
        query = read_query(request, level)
        query.matchers()  # a key that is not understood is told before anything is looked for
        note_search(self._engine, request, level.lower())
        found, there_is_more = self._page(query)
        answers = [self._told(one, query, request) for one in found]
        response = JSONResponse(answers, media_type=DICOM_JSON) if answers else Response(None, 204)
        for warning in _warnings(query, there_is_more):
            value = f'299 {self._config.policy.ae_title} "{warning}"'
            response.headers.append("Warning", value)
        return response

    def _told(self, candidate: Candidate, query: WebQuery, request: Request) -> dict[str, Any]:
        answer, uids = _described(candidate, query), _uids(candidate, query.level)
        resource, origin = _RESOURCES[query.level], self._config.public_origin
        answer.RetrieveURL = url_of(request, origin, resource, **uids)
        return to_dicom_json(answer)

    def _page(self, query: WebQuery) -> tuple[list[Candidate], bool]:
        """The matches to be told of; whether there are more than this node tells at once."""
        matches_max = self._config.matches_max
        asked = matches_max if query.limit is None else min(query.limit, matches_max)
        matches = self._search.matches(query.identifier())
        found = list(islice(matches, query.offset, query.offset + asked))
        is_cut = query.limit is None or query.limit > matches_max
        return found, is_cut and next(matches, None) is not None


def _described(candidate: Candidate, query: WebQuery) -> Dataset:
    answer = candidate.answer(query.identifier())
    for keyword in ("QueryRetrieveLevel", "RetrieveAETitle", "SpecificCharacterSet"):
        if keyword in answer:
            delattr(answer, keyword)
    return answer


def _uids(candidate: Candidate, level: Level) -> dict[str, str]:
    levels = list(Level)[: list(Level).index(level) + 1]
    return {_RESOURCES[each]: str(candidate.value(UNIQUE_KEYS[each])) for each in levels}


def _warnings(query: WebQuery, there_is_more: bool) -> list[str]:
    return [_NOT_FUZZY] * query.wants_fuzzy + [_MORE] * there_is_more
