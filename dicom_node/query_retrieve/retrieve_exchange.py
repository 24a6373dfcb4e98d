"""pynetdicom's acceptor, with C-MOVE and C-GET left to handlers that send files as they are.

pynetdicom itself decodes what a handler gives it and encodes it anew, on an association whose
timeouts are not ours.
"""

import threading
from typing import Any

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_GET, C_MOVE, N_EVENT_REPORT
from pynetdicom.service_class import QueryRetrieveServiceClass
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

_COUNTING = threading.Lock()
_MODELS = {
    C_GET: StudyRootQueryRetrieveInformationModelGet,
    C_MOVE: StudyRootQueryRetrieveInformationModelMove,
}


class _Retrieval(QueryRetrieveServiceClass):  # type: ignore[misc]
    """Its handlers yield whole responses, and send the objects in between themselves."""

    def SCP(self, req: Any, context: Any) -> None:
        event = evt.EVT_C_GET if isinstance(req, C_GET) else evt.EVT_C_MOVE
        attributes = {
            "request": req,
            "context": context.as_tuple,
            "_is_cancelled": self.is_cancelled,
        }
        for response in evt.trigger(self.assoc, event, attributes) or ():
            self.dimse.send_msg(response, context.context_id)


class RetrievableAssociation(Association):  # type: ignore[misc]
    """An accepted association on which results are asked for."""

    events_underway = 0  # N-EVENT-REPORT requests: pynetdicom gives each a thread of its own

    def _serve_request(self, msg: Any, context_id: int) -> None:
        if not isinstance(msg, N_EVENT_REPORT):
            self._serve(msg, context_id)
            return
        with _COUNTING:
            self.events_underway += 1
        try:
            self._serve(msg, context_id)
        finally:
            with _COUNTING:
                self.events_underway -= 1

    def _serve(self, msg: Any, context_id: int) -> None:
        model = _MODELS.get(type(msg))
        if model is None or not msg.is_valid_request:
            super()._serve_request(msg, context_id)
            return
        context = self._accepted_cx.get(context_id)
        if context is None or context.abstract_syntax != model:
            self.abort()
            return
        self.dimse.cancel_req = {}
        self._is_paused = True  # C-GET sends on this association
        _Retrieval(self).SCP(msg, context)
        self._is_paused = False
        self.dimse.cancel_req = {}
