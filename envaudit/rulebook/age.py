"""How old a rules database is, by its own version."""

from __future__ import annotations

import datetime as dt

OLD_AFTER = 90  # days


def age_note(version: str, today: dt.date) -> str:
    """Return a sentence about rules (``2026.11.1``) that are older than ``OLD_AFTER`` days, else an empty text.

    A version names a month: the age counts from the end of it.
    """
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts) or not 1 <= int(parts[1]) <= 12:
        return ""
    year, month = int(parts[0]), int(parts[1])
    if not dt.MINYEAR <= year < dt.MAXYEAR:
        return ""
    last = dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(1)
    days = (today - last).days
    if days <= OLD_AFTER:
        return ""
    return f"the rules are of {last:%B %Y}, {days} days old: a newer pyenvaudit or pyenvaudit-rules knows more"
