import type { Queued } from './queueEvents';

const MAX_EVENTS = 100;
/** Browsers refuse beacons and keepalive bodies over 64 KiB. */
export const MAX_BYTES = 60_000;

/**
 * The longest run of unsent items from the front that may travel together: one envelope, at most
 * 100 events and 60 KB. An event that is too large alone still travels, alone.
 */
export function takeBatch(items: readonly Queued[], overhead_bytes = 512): Queued[] {
  const batch: Queued[] = [];
  let bytes = overhead_bytes;
  let shared = '';
  for (const item of items) {
    if (item.sent) continue;
    const envelope = JSON.stringify(item.envelope);
    bytes += byteLength(JSON.stringify(item.event)) + 1;
    if (batch.length && (envelope !== shared || bytes > MAX_BYTES)) break;
    shared = envelope;
    if (batch.push(item) === MAX_EVENTS) break;
  }
  return batch;
}

/** UTF-8 bytes of a text, without needing an encoder. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    // A surrogate is half of a four-byte character, so each half counts two.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
