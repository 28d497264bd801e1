"""Signatures: what this process signs, and what it takes as signed. Ed25519, in the envelope of itsdangerous.

Who signs has a private key, who checks needs only the public one. So several gateways take each other's cookies and links though no
private key ever leaves the folder that it was made in: what they tell each other (public keys) opens nothing for whoever reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from itsdangerous import BadData, URLSafeTimedSerializer
from itsdangerous.signer import SigningAlgorithm

__all__ = ["PUBLIC_KEY_BYTES", "Signatures"]

PUBLIC_KEY_BYTES = 32


class Signatures:
    """One process's private key, and the public keys that it trusts; its own is always among them."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._private.public_key().public_bytes_raw()
        self._trusted = [self.public_key]

    def trust(self, public_keys: Iterable[bytes]) -> None:
        """From now on these are trusted, and no others besides our own."""
        self._trusted = [*sorted(set(public_keys) - {self.public_key}), self.public_key]

    def sign(self, purpose: str, value: Any) -> str:
        """The value, readable by everyone, with the time and a signature. What is signed for one purpose is good for no other."""
        return str(self._serializer(purpose).dumps(value))

    def read(self, purpose: str, signed: str, max_age_s: int) -> object:
        """The value; None where it was not signed by a trusted key for that purpose, or too long ago."""
        try:
            return self._serializer(purpose).loads(signed, max_age=max_age_s)
        except (BadData, UnicodeError):
            return None

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        algorithm = _Ed25519(purpose, self._private)
        return URLSafeTimedSerializer(self._trusted, signer_kwargs={"algorithm": algorithm, "key_derivation": "none"})


class _Ed25519(SigningAlgorithm):
    """`key` is a public one: with each that is trusted the envelope asks whether it fits."""

    def __init__(self, purpose: str, private: Ed25519PrivateKey) -> None:
        self._purpose = purpose.encode() + b"\0"
        self._private = private

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return self._private.sign(self._purpose + value)

    def verify_signature(self, key: bytes, value: bytes, sig: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(sig, self._purpose + value)
        except InvalidSignature:
            return False
        return True
