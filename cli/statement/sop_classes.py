"""Which SOP classes the node offers, accepts and analyses, and in which transfer syntaxes."""

from collections.abc import Iterable, Sequence

from pydicom.uid import UID
from pynetdicom import sop_class as known_classes
from pynetdicom.presentation import PresentationContext

from cli.statement.markdown import table
from cli.statement.wire import Heard, Proposal
from dicom_node.contexts import (
    ANALYSED_SOP_CLASSES,
    STORAGE_SOP_CLASSES,
    TRANSFER_SYNTAXES,
    commitment_context,
    is_image,
    query_retrieve_contexts,
    supported_contexts,
)
from dicom_node.sender import RESULT_SOP_CLASSES

_FEW = 4  # transfer syntaxes that are named one by one
_CLASS = ("SOP class", "UID")
_ANNEX = "[Annex A](#annex-a-storage-classes)"


def overview(heard: Heard) -> str:
    """PS3.2 Annex N's first table: each class with the roles that the node has in it."""
    scp = [_uid(context) for context in listener_contexts()]
    named = [uid for uid in scp if uid not in STORAGE_SOP_CLASSES]
    named += [*RESULT_SOP_CLASSES, *_by_name(ANALYSED_SOP_CLASSES - set(RESULT_SOP_CLASSES))]
    scu = _used(heard)
    rows = [(*_named(uid), _yes(uid in scu), _taken(uid)) for uid in named]
    others = STORAGE_SOP_CLASSES - set(named)
    rows.append((f"{len(others)} further storage classes", _ANNEX, _yes(bool(others & scu)), "yes"))
    return table((*_CLASS, "SCU", "SCP"), rows)


def _taken(sop_class_uid: UID) -> str:
    """Whether the listener accepts the class, of those that it may accept."""
    asking = {one.abstract_syntax for one in query_retrieve_contexts()}
    return "yes, where `peers` is set" if sop_class_uid in asking else "yes"


def _used(heard: Heard) -> set[str]:
    """The classes of which a client of ours is the SCU."""
    proposals = (one for made in heard.proposals.values() for one in made)
    return {one.sop_class_uid for one in proposals if not one.is_scp}


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def listener_contexts() -> list[PresentationContext]:
    """All that the listener may accept, services first."""
    verification, *storage = supported_contexts()
    return [verification, commitment_context(), *query_retrieve_contexts(), *storage]


def accepted_contexts() -> str:
    services = [
        context
        for context in listener_contexts()
        if context.abstract_syntax not in STORAGE_SOP_CLASSES
    ]
    rows = [
        (*_named(_uid(one)), _taken(_uid(one)), _syntaxes(one.transfer_syntax), _roles(one))
        for one in services
    ]
    [storage] = {
        (_syntaxes(one.transfer_syntax), _roles(one))
        for one in supported_contexts()
        if one.abstract_syntax in STORAGE_SOP_CLASSES
    }
    rows.append((f"all {len(STORAGE_SOP_CLASSES)} storage classes", _ANNEX, "yes", *storage))
    return table((*_CLASS, "Accepted", "Transfer syntaxes", "Role selection"), rows)


def _roles(context: PresentationContext) -> str:
    if context.scu_role and context.scp_role:
        return "accepted as proposed: SCU, SCP or both"
    return "none: the node is SCP"


def transfer_syntaxes() -> str:
    rows = [(rank, *_named(uid)) for rank, uid in enumerate(TRANSFER_SYNTAXES, start=1)]
    return table(("Preference", "Transfer syntax", "UID"), rows)


def analysed_classes() -> str:
    return table(_CLASS, map(_named, _by_name(ANALYSED_SOP_CLASSES)))


def kept_classes() -> str:
    """Those that are accepted, kept, and recorded as not analysed."""
    kept = _by_name(STORAGE_SOP_CLASSES - ANALYSED_SOP_CLASSES)
    rows = [(*_named(uid), "image" if is_image(uid) else "no image") for uid in kept]
    return table((*_CLASS, "Kind"), rows)


def proposed_contexts(heard: Heard) -> str:
    rows = [row for activity, made in heard.proposals.items() for row in _proposed(activity, made)]
    return table(("Activity", *_CLASS, "Transfer syntaxes", "Contexts", "Our role"), rows)


def _proposed(activity: str, made: Sequence[Proposal]) -> Iterable[Sequence[object]]:
    """A row for each class, and one for all that are analysed."""
    classes = dict.fromkeys(one.sop_class_uid for one in made)
    terms = {uid: _terms([one for one in made if one.sop_class_uid == uid]) for uid in classes}
    analysed = {terms.get(uid) for uid in ANALYSED_SOP_CLASSES}
    if len(analysed) == 1 and (alike := analysed.pop()) is not None:
        name = f"each of the {len(ANALYSED_SOP_CLASSES)} analysed classes"
        yield activity, name, _ANNEX, *alike
        terms = {uid: own for uid, own in terms.items() if uid not in ANALYSED_SOP_CLASSES}
    for uid, own in terms.items():
        yield activity, *_named(UID(uid)), *own


def _terms(own: Sequence[Proposal]) -> tuple[str, int, str]:
    syntaxes = [syntax for one in own for syntax in one.transfer_syntax_uids]
    return _syntaxes(syntaxes), len(own), "SCP, by role selection" if own[0].is_scp else "SCU"


def _syntaxes(uids: Sequence[str] | None) -> str:
    uids = uids or ()
    if len(uids) <= _FEW:
        return ", ".join(UID(uid).name for uid in uids)
    if tuple(uids) == TRANSFER_SYNTAXES[: len(uids)]:
        some = "all" if len(uids) == len(TRANSFER_SYNTAXES) else "the first"
        return f"{some} {len(uids)} of the [list](#transfer-syntaxes)"
    return ", ".join(uids)


def _named(uid: UID) -> tuple[str, str]:
    return _name(uid), f"`{uid}`"


def _name(uid: UID) -> str:
    """By the dictionary; a class younger than that by the keyword it has in the network library."""
    if uid.name != uid:
        return str(uid.name)
    return str(next(word for word, known in vars(known_classes).items() if known == uid))


def _uid(context: PresentationContext) -> UID:
    return UID(context.abstract_syntax or "")


def _by_name(uids: Iterable[str]) -> list[UID]:
    return sorted(map(UID, uids), key=lambda uid: (_name(uid), uid))
