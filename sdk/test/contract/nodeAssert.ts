/** `node:assert/strict` as far as the contract uses it, for a browser. */
const shown = (value: unknown) => JSON.stringify(canonical(value));

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value === undefined ? '—' : value;
  const entries = Object.entries(value).map(([key, held]) => [key, canonical(held)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

function check(holds: boolean, text: string) {
  if (!holds) throw new Error(text);
}

function assert(value: unknown, text = 'not true') {
  check(Boolean(value), text);
}

export default Object.assign(assert, {
  ok: assert,
  equal: (got: unknown, wanted: unknown) =>
    check(Object.is(got, wanted), `${shown(got)} is not ${shown(wanted)}`),
  notEqual: (got: unknown, other: unknown) =>
    check(!Object.is(got, other), `${shown(got)} is ${shown(other)}`),
  deepEqual: (got: unknown, wanted: unknown) =>
    check(shown(got) === shown(wanted), `${shown(got)} is not ${shown(wanted)}`),
  match: (got: string, pattern: RegExp) => check(pattern.test(got), `${got} is not ${pattern}`),
});
