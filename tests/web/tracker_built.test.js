import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

const root = new URL("../../", import.meta.url);
const built = readFileSync(new URL("src/isotherm/web/tracker/tracker.min.js", root), "utf8");

test("the built tracker is what `npm run tracker` makes of its source", () => {
  assert.equal(execFileSync("npm", ["run", "--silent", "tracker"], { cwd: root, encoding: "utf8" }), built);
});

test("the names that the server replaces stand in it once each", () => {
  for (const name of ["tracker.js", "/clickstream"]) assert.equal(built.split(name).length, 2, name);
});

test("it is a script without imports, eval or cookies", () => {
  assert.doesNotMatch(built, /\beval\b|\bFunction\b|\bcookie\b|localStorage/);
  assert.equal(built.match(/\bimport\b/g)?.length, 1, "the overlay's, when it is asked for");
});

test("what goes by gzip is the same, in 2,500 bytes at most", () => {
  const short = readFileSync(new URL("src/isotherm/web/tracker/tracker.min.js.gz", root));
  assert.equal(gunzipSync(short).toString(), built, "make it anew: npm run --silent tracker.gz");
  assert.ok(short.length <= 2500);
});

test("what browsers over TLS get is the same, in under 2,300 bytes", () => {
  const short = readFileSync(new URL("src/isotherm/web/tracker/tracker.min.js.br", root));
  assert.equal(brotliDecompressSync(short).toString(), built, "make it anew: npm run --silent tracker.br");
  assert.ok(short.length < 2300);
});
