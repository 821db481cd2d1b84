# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong in the library, each with a sentence that a person can act on."""

from __future__ import annotations


class MangaNinjaError(Exception):
    """Base of all errors of this library.

    Attributes:
        message: one sentence that says what is wrong.
        remedy: one sentence that says what to do.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy


class BadRequest(MangaNinjaError):
    """The pictures, points or options can't be used as they are."""


class ModelNotFound(MangaNinjaError):
    """There is no model under that name or folder."""


class BadWeights(MangaNinjaError):
    """Weight files are damaged, incomplete, or belong to another model."""


class WeightsError(MangaNinjaError):
    """The published weights can't be fetched, stored or converted as things are."""


class LicenceNotAccepted(WeightsError):
    """Nobody has accepted the licence of the published weights yet."""


class PackageMissing(MangaNinjaError):
    """A package that only this command needs is not installed."""


class Cancelled(MangaNinjaError):
    """The caller asked to stop."""

    def __init__(self) -> None:
        super().__init__("The job was cancelled.")
