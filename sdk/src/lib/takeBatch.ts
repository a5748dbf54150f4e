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

/** UTF-8 bytes of a text, without needing an encoder. A half of a surrogate pair counts two. */
export function byteLength(text: string): number {
  // Patterns are matched by native code; a loop would run cold before the first event leaves.
  const count = (pattern: RegExp) => text.match(pattern)?.length || 0;
  return text.length + count(/[^\0-\x7f]/g) + count(/[\u0800-\ud7ff\ue000-\uffff]/g);
}
