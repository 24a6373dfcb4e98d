"""The one refusal of this room: an image that cannot be judged, and why."""


class NotAssessable(Exception):
    """The image cannot be assessed; the message is the reason a person reads."""
