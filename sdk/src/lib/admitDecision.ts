import type { Ports } from './ports';
import { readJson } from './readJson';
import type { Decision } from './types';

const KEY = 'kairos.d';
const REMEMBERED = 64;

export interface Admitted {
  decision: Decision;
  received_ms: number;
  /** On this page's clock: arrival plus ttl. */
  expires_ms: number;
}

export interface Gate {
  /** The admitted decision, or null for a second one of its slot, an expired or a cancelled one. */
  admit(decision: Decision): Admitted | null;
  expired(admitted: Admitted): boolean;
  cancel(slot_id: string): void;
  cancelled(slot_id: string): boolean;
  /** Admits nothing more. */
  shut(): void;
  /** Shown slots are remembered for the tab, so that the next page does not show them again. */
  shown(slot_id: string): void;
}

/** The first decision of a slot wins; late, repeated and withdrawn ones are never shown. */
export function admitDecision(ports: Ports): Gate {
  const seen = new Set<string>(readJson<string[]>(ports.tab.get(KEY)) || []);
  const withdrawn = new Set<string>();
  const shown: string[] = [...seen];
  let closed = false;
  return {
    admit(decision) {
      const { slot_id, ttl_ms } = decision;
      if (closed || !slot_id || seen.has(slot_id)) return null;
      seen.add(slot_id);
      const received_ms = ports.now();
      if (!(ttl_ms > 0) || withdrawn.has(slot_id)) return null;
      return { decision, received_ms, expires_ms: received_ms + ttl_ms };
    },
    shut: () => void (closed = true),
    expired: (admitted) => ports.now() >= admitted.expires_ms,
    cancel(slot_id) {
      withdrawn.add(slot_id);
      // Bounded: a cancel concerns a slot of the last minutes, not of the whole visit.
      if (withdrawn.size > REMEMBERED) withdrawn.delete(withdrawn.values().next().value!);
    },
    cancelled: (slot_id) => withdrawn.has(slot_id),
    shown(slot_id) {
      shown.push(slot_id);
      ports.tab.set(KEY, JSON.stringify(shown.slice(-REMEMBERED)));
    },
  };
}
