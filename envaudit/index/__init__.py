"""The package index: the only part of the program that uses the network.

``find_sources`` tells which indexes a user means, ``Index`` asks them. Whatever they do not answer is a
``RemoteError``, of which a check makes a gap: an index that is silent has not said that all is well.
"""

from __future__ import annotations

from envaudit.index.client import Index, Offer
from envaudit.index.failure import RemoteError
from envaudit.index.sources import Sources, find_sources
from envaudit.index.values import IndexFile, Project

__all__ = ["Index", "IndexFile", "Offer", "Project", "RemoteError", "Sources", "find_sources"]
