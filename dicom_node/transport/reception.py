"""Where connections wait until they have asked for an association: one thread, whoever comes.

A thread for each would be what an attack is after. Here a silent connection costs a descriptor,
and makes room as soon as others want it.
"""

import errno
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from dicom_node.refusals import RefusalLog
from dicom_node.transport.association_request import UNEXPECTED, NoRequest, is_whole
from dicom_node.transport.caller import Caller
from dicom_node.transport.waiting_list import WaitingLimits, WaitingList

_ACCEPTED_AT_ONCE = 64
_READ_BYTES = 1 << 16
_WAIT_SECONDS = 1
_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Reception:
    """Accepts connections and calls `receive`, in its thread, for each that has sent its request.

    With `first_byte_suffices` for each that has sent anything, which is then left unread: a TLS
    handshake is another's affair. Whoever was received is on the waiting list still, until the
    receiver takes it off, and may be hung up on as long as it is.
    """

    def __init__(
        self,
        listening: socket.socket,
        receive: Callable[[Caller], None],
        refusals: RefusalLog,
        *,
        request_seconds: float,
        first_byte_suffices: bool,
    ) -> None:
        self.waiting = WaitingList(WaitingLimits())
        self._listening = listening
        self._receive = receive
        self._refusals = refusals
        self._request_seconds = request_seconds
        self._first_byte_suffices = first_byte_suffices
        self._bell, self._bell_rope = socket.socketpair()
        self._stopping = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Until `stop`; then whoever still waits is sent away, and the port is closed."""
        self._listening.setblocking(False)
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        try:
            while not self._stopping:
                self._take_turn()
        finally:
            self._close()

    def stop(self) -> None:
        """From any thread."""
        self._stopping = True
        with suppress(OSError):  # it has ended
            self._bell_rope.send(b"!")

    def _take_turn(self) -> None:
        """Who has asked goes on before anybody new comes in, and may have to leave for it."""
        ready = [key for key, _ in self._selector.select(self._patience())]
        for key in ready:
            if key.data is not None:
                self._read(key.data)
        if any(key.fileobj is self._listening for key in ready):
            self._accept()
        for caller in self.waiting.overdue(time.monotonic()):
            self._send_away(caller, "no association request in time")

    def _patience(self) -> float:
        due_at = self.waiting.next_due_at()
        if due_at is None:
            return _WAIT_SECONDS
        return min(_WAIT_SECONDS, max(0.0, due_at - time.monotonic()))

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connection, client_address = self._listening.accept()
            except OSError as error:
                if error.errno in _OUT_OF_DESCRIPTORS:
                    self._make_room()
                return  # nobody is left, or gone already
            connection.setblocking(False)
            due_at = time.monotonic() + self._request_seconds
            caller = Caller(connection, client_address, due_at)
            self._selector.register(connection, selectors.EVENT_READ, caller)
            self._send_away(self.waiting.enter(caller), "others came")

    def _make_room(self) -> None:
        """No descriptor is left: half of those who wait give theirs."""
        waiting = self.waiting.everybody()
        for caller in waiting[: max(1, len(waiting) // 2)]:
            if self.waiting.leave(caller):
                self._send_away(caller, "no file descriptor is left")
        if not waiting:
            time.sleep(0.1)  # those of associations; the port would be ready without end

    def _read(self, caller: Caller) -> None:
        if caller.connection.fileno() < 0:
            return  # sent away earlier in this turn
        try:
            if self._has_asked(caller):
                self._selector.unregister(caller.connection)
                self._receive(caller)
        except NoRequest as error:
            with suppress(OSError):
                caller.connection.send(UNEXPECTED)
            self._leave(caller, str(error))
        except BlockingIOError:
            return
        except OSError:
            self._leave(caller)

    def _has_asked(self, caller: Caller) -> bool:
        """Raises ConnectionError where it has gone instead, and NoRequest."""
        if self._first_byte_suffices:
            if not caller.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionAbortedError
            return True
        data = caller.connection.recv(_READ_BYTES)
        if not data:
            raise ConnectionAbortedError
        leaving = self.waiting.note(caller, data)
        self._send_away(leaving, "too much is waiting")
        return leaving is not caller and is_whole(caller.received)

    def _leave(self, caller: Caller, reason: str | None = None) -> None:
        if self.waiting.leave(caller):
            self._send_away(caller, reason)

    def _send_away(self, caller: Caller | None, reason: str | None) -> None:
        """Close the connection; whose handshake is under way finds it closed."""
        if caller is None:
            return
        if reason is not None:
            self._refusals.warning("connection_refused", kind=reason, address=caller.address)
        with suppress(KeyError, ValueError):
            self._selector.unregister(caller.connection)
            caller.connection.close()
            return
        caller.hang_up()

    def _close(self) -> None:
        for caller in self.waiting.everybody():
            self._leave(caller)
        self._selector.close()
        self._listening.close()
        self._bell.close()
        self._bell_rope.close()
