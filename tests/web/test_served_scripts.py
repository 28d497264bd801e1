"""Our scripts are served without their documentation, and are the same scripts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from isotherm.runtimes.files import without_documentation

ROOT = Path(__file__).parents[2]
WEB = ROOT / "src" / "isotherm" / "web"
SAME = """
import { readFileSync } from "node:fs";
import { minify } from "terser";
const plain = { module: true, compress: false, mangle: false, format: { comments: false } };
const told = [];
for (const [name, written, served] of JSON.parse(readFileSync(0, "utf8"))) {
  const [one, other] = [(await minify(written, plain)).code, (await minify(served, plain)).code];
  if (one !== other || !one) told.push(name);
}
console.log(JSON.stringify(told));
"""


def test_every_served_script_says_what_was_written() -> None:
    """Without comments both are the same, token by token, and each line stands where it was."""
    scripts = [path for path in sorted(WEB.rglob("*.js")) if "vendor" not in path.parts]
    triples = [(str(path), path.read_text(), without_documentation(path.read_text())) for path in scripts]
    assert len(triples) > 60
    for name, written, served in triples:
        assert written.count("\n") == served.count("\n"), name
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", SAME], input=json.dumps(triples), capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(ran.stdout) == []


def test_documentation_goes_and_terms_of_use_and_texts_stay() -> None:
    script = 'const a = 1; /** kept */\n/**\n * Gone.\n */\n  /** Gone. */\nconst css = `/* kept */`;\n/** After others: Apache-2.0 */\n// kept\n'
    assert without_documentation(script) == 'const a = 1; /** kept */\n\n\n\n\nconst css = `/* kept */`;\n/** After others: Apache-2.0 */\n// kept\n'
