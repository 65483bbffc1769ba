"""What can go wrong with an archive, with one study of it, or only for the moment."""

from shared.errors import HepafedError


class ArchiveError(HepafedError):
    """The archive cannot be used: unreachable, refused, wrong credentials, damaged."""


class StudyError(ArchiveError):
    """One study cannot be fetched; the others are not touched by it."""


class PassingError(ArchiveError):
    """Something that may be over after a pause: a time-out, a broken connection, a busy server."""
