"""The description of the API held against the running server by schemathesis: each answer is one that it tells of."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.conftest import Serve


async def test_the_server_is_what_its_description_says(serve: Serve, tmp_path: Path) -> None:
    """Statuses, types and schemas of all operations that end, for requests drawn from the description and beside it; none fails.

    Not asked: that whatever lies beside a schema is refused. Events of unknown types and parameters that nobody reads are taken on purpose.
    """
    served = await serve("--viewer-token", "sesame", "--trust-senders")
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{served.address}/api/openapi.json", "-H", "Authorization: Bearer sesame",
        "--exclude-path", "/api/reactions",
        "--max-examples", "15", "--phases", "examples,coverage,fuzzing", "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--seed", "7", "--request-timeout", "20", "--generation-database", "none", "--no-color",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = (await process.communicate())[0].decode()
    assert process.returncode == 0, out
