"""Certificates: the commands import aiohttp without the system's, and every client of ours brings them."""

from __future__ import annotations

import ast
import asyncio
import datetime
import ipaddress
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from isotherm import certificates

SOURCE = Path(certificates.__file__).parent
IMPORTED = """
import sys
from isotherm.cli.app import app
assert "aiohttp" not in sys.modules, "imported before a command is asked for"
assert app.get_command(None, "serve") is not None
import ssl
from aiohttp.connector import _SSL_CONTEXT_VERIFIED as aiohttps
from isotherm.certificates import verified
known = ssl.create_default_context().cert_store_stats()
print(aiohttps.cert_store_stats()["x509"], aiohttps.verify_mode.name, aiohttps.check_hostname, verified().cert_store_stats() == known)
"""


def test_a_command_imports_aiohttp_without_certificates() -> None:
    """Its own contexts know none, and still verify: they trust nobody. Ours, asked for later, have all of the system's."""
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["0", "CERT_REQUIRED", "True", "True"], done.stderr


def calls(source: str, name: str) -> list[set[str | None]]:
    """The keywords of each call of `name`, also as an attribute, however it is written."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [{word.arg for word in node.keywords} for node in nodes if getattr(node.func, "attr", getattr(node.func, "id", "")) == name]


def test_every_client_session_brings_a_context() -> None:
    """None is left to aiohttp's own contexts: each session has a connector, and each connector says `ssl=`."""
    sources = [path.read_text("utf-8") for path in SOURCE.rglob("*.py")]
    sessions = [words for source in sources for words in calls(source, "ClientSession")]
    connectors = [words for source in sources for words in calls(source, "TCPConnector")]
    assert len(sessions) >= 4
    assert all("connector" in words for words in sessions), sessions
    assert len(connectors) >= 4
    assert all("ssl" in words for words in connectors), connectors


@pytest.mark.parametrize("call", ["aiohttp.ClientSession(\n    timeout=1,\n)", "ClientSession()", "aiohttp.ClientSession(headers=f(connector=1))"])
def test_a_call_is_found_however_it_is_written(call: str) -> None:
    """One that brings nothing is not overlooked for its lines, nor for what another call brings."""
    (words,) = calls(call, "ClientSession")
    assert "connector" not in words


def own_certificate(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that nobody has vouched for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, now - datetime.timedelta(1), now + datetime.timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(private)
    (folder / "certificate").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context


async def test_contexts_made_without_certificates_refuse(tmp_path: Path) -> None:
    """What forgets to bring certificates fails closed; with the server's own it is let through; and afterwards all is as it was."""
    before = ssl.create_default_context().cert_store_stats()
    with certificates.unread():
        bare = ssl.create_default_context()
    assert bare.cert_store_stats()["x509"] == 0
    assert ssl.create_default_context().cert_store_stats() == before
    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(text="here")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=own_certificate(tmp_path))
    await site.start()
    try:
        host, port, *_ = runner.addresses[0]
        async with aiohttp.ClientSession() as http, asyncio.timeout(20):
            for context in (bare, certificates.verified()):
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await http.get(f"https://{host}:{port}/", ssl=context)
            bare.load_verify_locations(tmp_path / "certificate")
            async with http.get(f"https://{host}:{port}/", ssl=bare) as told:
                assert await told.text() == "here"
    finally:
        await runner.cleanup()
