"""The keys: what is kept under the data folder so that viewers can be told from strangers.

Only hashes are kept of what opens anything for long; the signing secret never leaves the file. `isotherm login` writes a code from another
process than the server's, so this is a small SQLite file rather than memory.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from pathlib import Path
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer

__all__ = ["CODE_MS", "COOKIE_S", "OVERLAY_S", "Keys", "KeysError"]

CODE_MS: Final = 600_000  #: how long a login link is good
COOKIE_S: Final = 14 * 24 * 3600
OVERLAY_S: Final = 600  #: how long an overlay's token opens new sockets; connected viewers are given the next one


class KeysError(Exception):
    """The file of keys can't be opened; the message says why."""


class Keys:
    """One data folder's keys. All calls are short reads or writes of a small local file."""

    def __init__(self, path: Path, viewer_token: str | None = None) -> None:
        """Opens the file, or makes it. `viewer_token`: fixed by the operator, holds for this run. Raises `KeysError`."""
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
            path.chmod(0o600)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
            self._db.execute("CREATE TABLE IF NOT EXISTS codes (hash TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL)")
            self._db.execute("CREATE TABLE IF NOT EXISTS tokens (name TEXT PRIMARY KEY, hash TEXT NOT NULL)")
            signing = self._secret("signing")
        except (sqlite3.Error, OSError) as error:
            raise KeysError(f"can't open {path}: {error}") from error
        self._fixed = _hash(viewer_token) if viewer_token else None
        self._cookies = URLSafeTimedSerializer(signing, salt="cookie")
        self._overlays = URLSafeTimedSerializer(signing, salt="overlay")

    def _secret(self, name: str) -> str:
        self._db.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, secrets.token_urlsafe(32)))
        (value,) = self._db.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
        return str(value)

    # -- viewer tokens

    def first_token(self) -> str | None:
        """Makes the viewer token of a new data folder and returns it, this once; None: there is one already."""
        if self._fixed is not None or self._db.execute("SELECT 1 FROM tokens").fetchone():
            return None
        token = secrets.token_urlsafe(24)
        self._db.execute("INSERT INTO tokens VALUES ('first', ?)", (_hash(token),))
        return token

    def opens(self, token: str) -> bool:
        """Whether this is a viewer token."""
        digest = _hash(token)
        known = [self._fixed] if self._fixed is not None else [kept for (kept,) in self._db.execute("SELECT hash FROM tokens")]
        return sum(hmac.compare_digest(digest, kept) for kept in known) > 0  # all are compared, however early one fits

    # -- login links

    def new_code(self, now_ms: int) -> str:
        """A code for a login link, good once within ten minutes."""
        code = secrets.token_urlsafe(24)
        self._db.execute("DELETE FROM codes WHERE expires_ms < ?", (now_ms,))
        self._db.execute("INSERT INTO codes VALUES (?, ?)", (_hash(code), now_ms + CODE_MS))
        return code

    def redeem(self, code: str, now_ms: int) -> str | None:
        """The cookie that a code is good for, once; None: it is not, or no more."""
        used = self._db.execute("DELETE FROM codes WHERE hash = ? AND expires_ms >= ?", (_hash(code), now_ms)).rowcount
        return self._cookies.dumps("viewer") if used else None

    def cookie_opens(self, cookie: str) -> bool:
        return _loads(self._cookies, cookie, COOKIE_S) == "viewer"

    # -- overlays

    def overlay_token(self, site: str) -> str:
        """A signed token that opens one site's heat for some minutes, and nothing else."""
        return self._overlays.dumps(site)

    def overlay_site(self, token: str) -> str | None:
        """The site that an overlay's token opens; None: it opens nothing, or no more."""
        site = _loads(self._overlays, token, OVERLAY_S)
        return site if isinstance(site, str) else None

    def close(self) -> None:
        self._db.close()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _loads(serializer: URLSafeTimedSerializer, signed: str, max_age_s: int) -> object:
    try:
        return serializer.loads(signed, max_age=max_age_s)
    except BadData:
        return None
