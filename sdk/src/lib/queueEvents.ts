import type { Ports } from './ports';
import { readJson } from './readJson';
import type { Consent, KairosEvent } from './types';

const PREFIX = 'kairos.q.';
const MAX_EVENTS = 500;
const MAX_AGE_MS = 24 * 3_600_000;
const ORPHAN_AGE_MS = 60_000;

/** What a whole batch shares; an event keeps the envelope of the moment it was made in. */
export interface Envelope {
  session_id: string;
  tab_id: string;
  seed: string;
  /** The visitor's token of that moment, so that a retry across a login names the same key. */
  token: string | null;
  consent: Consent | null;
}

export interface Queued {
  envelope: Envelope;
  event: KairosEvent;
  /** Given to the network and not yet answered. */
  sent?: boolean;
  /** What became of it, for those who look; absent while it waits. */
  verdict?: string;
}

interface Saved {
  saved_ms: number;
  items: Queued[];
}

export interface EventQueue {
  items(): readonly Queued[];
  push(item: Queued): void;
  mark(items: readonly Queued[], sent: boolean): void;
  drop(items: readonly Queued[]): void;
  /** Writes what must outlive the page; without consent that is nothing. */
  save(): void;
  /** A choice of consent: what was kept travels under it; true where it is forgotten. */
  release(consent: Consent): boolean;
  clear(): void;
}

/**
 * A bounded queue in the order of the tab: 500 events, 24 hours. The oldest leaves first when it is
 * full. Under consent it is kept in storage, one record a tab, and the record of a tab that died is
 * taken over; the same event ids make that safe.
 */
export function queueEvents(
  ports: Ports,
  tab_id: string,
  lasting: () => boolean,
  onDrop: (count: number) => void,
): EventQueue {
  let list: Queued[] = lasting() ? adopt(ports, tab_id) : [];
  return {
    items: () => list,
    push(item) {
      list.push(item);
      if (list.length > MAX_EVENTS) onDrop(list.splice(0, list.length - MAX_EVENTS).length);
    },
    mark(items, sent) {
      for (const item of items) item.sent = sent;
    },
    drop(items) {
      const gone = new Set(items);
      list = list.filter((item) => !gone.has(item));
    },
    save() {
      if (!lasting() || !list.length) ports.local.remove(PREFIX + tab_id);
      else {
        const record: Saved = { saved_ms: ports.now(), items: list };
        ports.local.set(PREFIX + tab_id, JSON.stringify(record));
      }
    },
    release(consent) {
      const forgotten = !consent.analytics && !consent.personalization;
      if (forgotten) list = [];
      for (const { envelope } of list) envelope.consent = consent;
      return forgotten;
    },
    clear() {
      list = [];
      ports.local.remove(PREFIX + tab_id);
    },
  };
}

function adopt(ports: Ports, tab_id: string): Queued[] {
  const now = ports.now();
  const found: Queued[] = [];
  for (const key of ports.local.keys()) {
    if (!key.startsWith(PREFIX)) continue;
    const saved = readJson<Saved>(ports.local.get(key));
    const mine = key === PREFIX + tab_id;
    if (saved && !mine && now - saved.saved_ms < ORPHAN_AGE_MS) continue;
    ports.local.remove(key);
    for (const { envelope, event } of saved?.items || [])
      if (now - event.ts < MAX_AGE_MS) found.push({ envelope, event });
  }
  return found.slice(-MAX_EVENTS);
}
