// @ts-check
/**
 * Packed columns (docs/wire.md): `<`, a letter for the elements' type, then their bytes, little-endian, in base64.
 */

const READERS = Object.freeze({
  B: { size: 1, read: (/** @type {DataView} */ v, /** @type {number} */ at) => v.getUint8(at) },
  H: { size: 2, read: (/** @type {DataView} */ v, /** @type {number} */ at) => v.getUint16(at, true) },
  I: { size: 4, read: (/** @type {DataView} */ v, /** @type {number} */ at) => v.getUint32(at, true) },
  f: { size: 4, read: (/** @type {DataView} */ v, /** @type {number} */ at) => v.getFloat32(at, true) },
  d: { size: 8, read: (/** @type {DataView} */ v, /** @type {number} */ at) => v.getFloat64(at, true) },
});

/**
 * The numbers of a packed column; null for what is none.
 * @param {unknown} column
 * @returns {number[] | null}
 */
export function unpack(column) {
  if (typeof column !== "string" || column[0] !== "<") return null;
  const reader = Object.hasOwn(READERS, column[1]) ? READERS[/** @type {keyof typeof READERS} */ (column[1])] : null;
  if (!reader) return null;
  let bytes;
  try {
    bytes = Uint8Array.from(atob(column.slice(2)), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
  if (bytes.length % reader.size !== 0) return null;
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / reader.size }, (_, i) => reader.read(view, i * reader.size));
}
