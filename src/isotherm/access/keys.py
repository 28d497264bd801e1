"""The keys: what is kept under the data folder so that viewers can be told from strangers.

Only hashes are kept of what opens anything for long; the private key never leaves the file. `isotherm login` signs a code in another
process than the server's, so this is a small SQLite file rather than memory. Where several servers are one (Kafka), each keeps a copy of
the tokens here and trusts the others' public keys; who redeems a login link is then for all of them to agree (`claim_code`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from isotherm.access.signing import Signatures

__all__ = ["CODE_MS", "COOKIE_S", "FIRST", "OVERLAY_S", "KeptToken", "Keys", "KeysError", "Token", "Viewer", "hash_of_token", "made_token"]

_FORMAT: Final = 1
FIRST: Final = "first"  #: name of the token that is made at the first start
_FIXED: Final = "--viewer-token"
LOGGED_IN_AS: Final = "--login"
OPEN_AS: Final = "--open-heat"

CODE_MS: Final = 600_000  #: how long a login link is good
COOKIE_S: Final = 14 * 24 * 3600
OVERLAY_S: Final = 600  #: how long an overlay's token opens new sockets; connected viewers are given the next one
_DRAWS: Final = "draws"


class KeysError(Exception):
    """The file of keys can't be opened; the message says why."""


class Token(NamedTuple):
    """A named token as it is listed; the token itself is nowhere."""

    name: str
    site: str | None
    created_ms: int | None
    expires_ms: int | None


class KeptToken(NamedTuple):
    """A named token as it is kept."""

    name: str
    hash: str
    site: str | None = None
    created_ms: int | None = None
    expires_ms: int | None = None


class Viewer(NamedTuple):
    """Whom a token or cookie stands for. `site` None: all sites; `name`: the token's, so that what it begot ends with it."""

    site: str | None
    name: str
    draws: bool = False  #: an overlay that an operator opened: it may change what is drawn


class Keys:
    """One data folder's keys. All calls are short reads or writes of a small local file."""

    def __init__(self, path: Path, viewer_token: str | None = None) -> None:
        """Opens the file, or makes it. `viewer_token`: fixed by the operator, holds for this run. Raises `KeysError`."""
        try:
            path.touch(0o600)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._db.execute("PRAGMA journal_mode=WAL")
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            if found > _FORMAT:
                raise KeysError(f"{path} was written by a newer release (format {found}, this one knows {_FORMAT}): update Isotherm")
            self._db.execute("CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
            self._db.execute("CREATE TABLE IF NOT EXISTS codes (hash TEXT PRIMARY KEY, expires_ms INTEGER NOT NULL)")
            self._db.execute("CREATE TABLE IF NOT EXISTS tokens (name TEXT PRIMARY KEY, hash TEXT NOT NULL)")
            if found < _FORMAT:
                self._upgrade()
            signing = self._secret("signing")
        except (sqlite3.Error, OSError) as error:
            raise KeysError(f"can't open {path}: {error}") from error
        self._fixed = hash_of_token(viewer_token) if viewer_token else None
        self._signatures = Signatures(base64.urlsafe_b64decode(signing + "="))
        self._made: str | None = None
        self.claim_code: Callable[[str, int], Awaitable[bool]] = self._claim_here

    def _upgrade(self) -> None:
        """From the format without sites and dates; several processes may try at once."""
        self._db.execute("BEGIN IMMEDIATE")
        known = {row[1] for row in self._db.execute("PRAGMA table_info(tokens)")}
        for name, type_ in (("site", "TEXT"), ("created_ms", "INTEGER"), ("expires_ms", "INTEGER")):
            if name not in known:
                self._db.execute(f"ALTER TABLE tokens ADD COLUMN {name} {type_}")
        self._db.execute(f"PRAGMA user_version={_FORMAT}")
        self._db.execute("COMMIT")

    def _secret(self, name: str) -> str:
        self._db.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, secrets.token_urlsafe(32)))
        (value,) = self._db.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
        return str(value)

    # -- viewer tokens

    @property
    def fixed(self) -> bool:
        """Whether the operator fixed the viewers' token."""
        return self._fixed is not None

    def first_token(self) -> str | None:
        """Makes the viewer token of a new data folder and returns it, this once; None: there is one already."""
        made, self._made = self._made, None
        if made is not None or self._fixed is not None or self._db.execute("SELECT 1 FROM tokens").fetchone():
            return made
        return self.new_token(FIRST, None, None, None)

    def new_token(self, name: str, site: str | None, now_ms: int | None, expires_ms: int | None) -> str:
        """Makes a named token and returns it, this once. Raises `KeysError` where the name is taken."""
        token, kept = made_token(name, site, now_ms, expires_ms)
        try:
            self._insert(kept)
        except sqlite3.IntegrityError:
            raise KeysError(f"there is a token {name!r} already: revoke it first, or choose another name") from None
        return token

    def _insert(self, token: KeptToken) -> None:
        self._db.execute("INSERT INTO tokens (name, hash, site, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?)", token)

    def take_tokens(self, tokens: Iterable[KeptToken], *, made: str | None = None) -> None:
        """These, and no others, are the tokens now: others keep them too. `made`: the first one, to be shown once by `first_token`.

        Raises `KeysError` where they can't be kept; then all stays as it was."""
        self._made = made or self._made
        try:
            with self._db:  # all or nothing: what failed in the midst would stand in the way of every later change
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute("DELETE FROM tokens")
                for token in tokens:
                    self._insert(token)
        except sqlite3.Error as error:
            raise KeysError(f"can't keep the tokens: {error}") from error

    def revoke(self, name: str) -> bool:
        """From now on the token opens nothing; False: there is none of that name."""
        return self._db.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount > 0

    def tokens(self) -> list[Token]:
        return [Token(*row) for row in self._db.execute("SELECT name, site, created_ms, expires_ms FROM tokens ORDER BY name")]

    def viewer(self, token: str, now_ms: int) -> Viewer | None:
        """Whom this token stands for; None: nobody. All are compared, however early one fits."""
        digest = hash_of_token(token)
        found = None
        if self._fixed is not None and hmac.compare_digest(digest, self._fixed):
            found = Viewer(None, _FIXED)
        rows = self._db.execute("SELECT name, hash, site, expires_ms FROM tokens")
        for name, kept, site, expires_ms in rows:
            fits = hmac.compare_digest(digest, kept)
            if fits and (expires_ms is None or now_ms < expires_ms) and not (name == FIRST and self._fixed is not None):
                found = Viewer(site, name)
        return found

    def stands(self, name: str, now_ms: int) -> bool:
        """Whether what this token opened is still open. What open heat gave out is not: no token opened that."""
        if name == LOGGED_IN_AS:
            return True
        if name == _FIXED:
            return self.fixed
        if name == FIRST and self.fixed:
            return False
        row = self._db.execute("SELECT expires_ms FROM tokens WHERE name = ?", (name,)).fetchone()
        return row is not None and (row[0] is None or now_ms < row[0])

    # -- signatures

    @property
    def public_key(self) -> bytes:
        """With this others can tell what was signed here."""
        return self._signatures.public_key

    def trust(self, public_keys: Iterable[bytes]) -> None:
        """What was signed with these is taken as signed here."""
        self._signatures.trust(public_keys)

    # -- login links

    def new_code(self, now_ms: int) -> str:
        """A code for a login link, good once within ten minutes."""
        return self._signatures.sign("code", [secrets.token_urlsafe(12), now_ms + CODE_MS])

    async def redeem(self, code: str, now_ms: int) -> str | None:
        """The cookie that a code is good for, once; None: it is not, or no more."""
        held = self._signatures.read("code", code, CODE_MS // 1000)
        if not (isinstance(held, list) and len(held) == 2 and isinstance(held[0], str) and isinstance(held[1], int)):
            return None
        if held[1] < now_ms or not await self.claim_code(hash_of_token(held[0]), held[1]):
            return None
        return self._signatures.sign("cookie", "viewer")

    async def _claim_here(self, digest: str, expires_ms: int) -> bool:
        """Whether this is the first time that this code is redeemed."""
        self._db.execute("DELETE FROM codes WHERE expires_ms < ?", (expires_ms - CODE_MS,))
        return self._db.execute("INSERT OR IGNORE INTO codes VALUES (?, ?)", (digest, expires_ms)).rowcount > 0

    def cookie_opens(self, cookie: str) -> bool:
        return self._signatures.read("cookie", cookie, COOKIE_S) == "viewer"

    # -- overlays

    def overlay_token(self, site: str, by: str, *, draws: bool = False) -> str:
        """A signed token that opens one site's heat for some minutes, and nothing else; `by`: the token that it came from.

        `draws`: it also changes the site's drawn zones, since an operator opened the overlay."""
        return self._signatures.sign("overlay", [site, by, *([_DRAWS] if draws else [])])

    def overlay_viewer(self, token: str, now_ms: int) -> Viewer | None:
        """Whom an overlay's token stands for; None: it opens nothing, or no more."""
        held = self._signatures.read("overlay", token, OVERLAY_S)
        if not (isinstance(held, list) and len(held) in (2, 3) and all(isinstance(part, str) for part in held)):
            return None
        return Viewer(held[0], held[1], _DRAWS in held[2:]) if self.stands(held[1], now_ms) else None

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Keys:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def made_token(name: str, site: str | None, now_ms: int | None, expires_ms: int | None) -> tuple[str, KeptToken]:
    """A new token, to be shown once, and what is kept of it."""
    token = secrets.token_urlsafe(24)
    return token, KeptToken(name, hash_of_token(token), site, now_ms, expires_ms)


def hash_of_token(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()  # a header's bytes may be no UTF-8: a guess like any other
