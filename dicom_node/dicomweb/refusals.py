"""Why a request over HTTP gets no answer but a status and a sentence."""

from fastapi.responses import PlainTextResponse

RETRY_AFTER_SECONDS = 30


class Refused(Exception):
    """The sentence goes to whoever asked and to no log: it may repeat what was asked."""

    status = 400

    def response(self) -> PlainTextResponse:
        return PlainTextResponse(f"{self}\n", self.status, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.status == 503 else {}


class BadRequest(Refused):
    """The request is no DICOMweb request."""


class NotAdmitted(Refused):
    """Whoever asks may not."""

    status = 403


class NothingThere(Refused):
    """No result has these UIDs."""

    status = 404


class Purged(Refused):
    """A result with these UIDs was made; its file was removed after retention."""

    status = 410


class NotAcceptable(Refused):
    """It is not kept in any of the forms that were asked for."""

    status = 406


class UnsupportedMediaType(Refused):
    """What was sent is not taken in this form."""

    status = 415


class Busy(Refused):
    """Nothing is wrong with the request: try again."""

    status = 503
