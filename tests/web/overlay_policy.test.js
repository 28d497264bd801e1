// Which Content-Security-Policies let a page have a worker that is a `blob:`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { allowsBlobWorkers as allows } from "../../src/isotherm/web/overlay/policy.js";

const OURS = new URL("https://heat.example/overlay/worker.js");
const allowsBlobWorkers = (policies) => allows(policies, OURS);

test("no policy, or one that says nothing of scripts, allows it", () => {
  assert.ok(allowsBlobWorkers([]));
  assert.ok(allowsBlobWorkers([""]));
  assert.ok(allowsBlobWorkers(["img-src 'self'; frame-ancestors 'none'; upgrade-insecure-requests"]));
});

test("the first of worker-src, child-src, script-src and default-src decides", () => {
  assert.ok(allowsBlobWorkers(["default-src 'none'; script-src 'self'; worker-src 'self' BLOB: https://HEAT.example"]));
  assert.ok(allowsBlobWorkers(["default-src 'none'; child-src blob: heat.example"]));
  assert.ok(allowsBlobWorkers(["default-src 'self' blob: https:"]));
  assert.ok(!allowsBlobWorkers(["script-src 'self' blob: https:; worker-src 'self'"]));
  assert.ok(!allowsBlobWorkers(["default-src *"]), "a star is no scheme");
  assert.ok(!allowsBlobWorkers(["worker-src 'none'; worker-src blob: *"]), "of two of a name the first counts");
  assert.ok(!allowsBlobWorkers(["worker-src"]));
});

test("each policy has to allow it, however they are told", () => {
  assert.ok(!allowsBlobWorkers(["worker-src blob: *", "default-src 'self'"]));
  assert.ok(!allowsBlobWorkers(["worker-src blob: *, default-src 'self'"]));
  assert.ok(allowsBlobWorkers(["worker-src blob: *, img-src 'self'"]));
});

test("trusted types and sandboxes are taken for no", () => {
  assert.ok(!allowsBlobWorkers(["require-trusted-types-for 'script'; trusted-types default"]));
  assert.ok(!allowsBlobWorkers(["sandbox allow-scripts"]));
});

test("what the worker imports has to be allowed, too", () => {
  const named = (source) => allowsBlobWorkers([`worker-src blob: ${source}`]);
  for (const source of ["*", "https:", "heat.example", "https://heat.example", "*.example", "https://*.example", "https://heat.example/overlay/", OURS.href]) {
    assert.ok(named(source), source);
  }
  for (const source of ["", "'self'", "http:", "eat.example", "https://heat.example.com", "*.heat.example", "https://heat.example/overlay", "https://heat.example:8443"]) {
    assert.ok(!named(source), source);
  }
  assert.ok(!allowsBlobWorkers(["script-src blob: https://heat.example 'strict-dynamic' 'nonce-x'"]));
});
