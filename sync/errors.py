"""What the library may refuse with. The server maps each kind to one HTTP status."""

from __future__ import annotations


class Refused(Exception):
    """Base of every refusal; its text is shown to the user.

    Refused
     ├── Invalid          the request makes no sense, or not now
     │    └── NoAccess    an id that does not exist, or that the actor may not use
     ├── Unauthenticated  who is asking?
     ├── Forbidden        known, and not allowed this whole operation
     ├── Missing          there are no bytes to send
     └── TooMany          not so often
    """


class Invalid(Refused):
    pass


class NoAccess(Invalid):
    """One answer for 'missing' and 'not yours', so that nobody can probe for ids."""

    def __init__(self, permission: str) -> None:
        super().__init__(f"Not found or no {permission} access")


class Unauthenticated(Refused):
    pass


class Forbidden(Refused):
    pass


class Missing(Refused):
    pass


class TooMany(Refused):
    def __init__(self, text: str, *, wait_seconds: float) -> None:
        super().__init__(text)
        self.wait_seconds = wait_seconds
