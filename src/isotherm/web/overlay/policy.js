// @ts-check
/**
 * Whether a page's Content-Security-Policy lets it have a worker that is a `blob:` and imports a script of ours. Pure: from the policies' text.
 *
 * It is asked beforehand since a worker that is tried and forbidden is reported to the site's owner as a violation.
 */

/** What says where workers may come from, the first that is there. */
const WORKERS = ["worker-src", "child-src", "script-src", "default-src"];

/**
 * @param {readonly string[]} policies  each a header's or a `<meta>`'s text, which may be several, with commas between
 * @param {URL} script  what the worker imports
 * @returns {boolean}  in doubt false
 */
export function allowsBlobWorkers(policies, script) {
  return policies.flatMap((text) => text.split(",")).every((policy) => allows(policy, script));
}

/** @param {string} policy @param {URL} script */
function allows(policy, script) {
  /** @type {Map<string, string[]>} */
  const directives = new Map();
  for (const directive of policy.toLowerCase().split(";")) {
    const [name, ...sources] = directive.trim().split(/\s+/);
    if (!directives.has(name)) directives.set(name, sources); // of two of a name the first one counts
  }
  // A worker's address would have to be a trusted one, and to make such is for the page.
  if (directives.get("require-trusted-types-for")?.includes("'script'")) return false;
  if (directives.has("sandbox")) return false;
  const ruling = WORKERS.find((name) => directives.has(name));
  if (ruling === undefined) return true;
  const sources = directives.get(ruling) ?? [];
  if (sources.includes("'strict-dynamic'")) return false; // then what else is listed does not count, and who was trusted can't be seen
  return sources.includes("blob:") && sources.some((source) => names(source, script));
}

/**
 * Whether a source of a policy names a script.
 * @param {string} source  in lower case @param {URL} script
 */
function names(source, { protocol, host, origin, href }) {
  if (source === "*" || source === protocol || source === host || source === origin) return true;
  if (source.startsWith("*.") || source.startsWith(`${protocol}//*.`)) return host.endsWith(source.slice(source.indexOf("*") + 1));
  return source.startsWith(`${origin}/`) && (source.endsWith("/") ? href.startsWith(source) : href === source);
}
