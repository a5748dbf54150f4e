import type { Admitted, Gate } from './admitDecision';
import type { Frame } from './followStream';
import type { Visitor } from './keepVisitor';
import type { Queued } from './queueEvents';
import type { Consent, Counts, EventFields, KairosEvent, Timing } from './types';

/** What the core offers to whoever stands around it: a page, a test, another kind of client. */
export interface TrackerOptions {
  site: string;
  /** Origin of the gateway, without a trailing slash. */
  endpoint: string;
  path: string;
  consent: Consent | null;
  /** The browser's global privacy signal: stands where neither page nor visitor said anything. */
  opted_out?: boolean;
  /** Until a choice: `pending` keeps events in memory, `off` makes none. */
  until?: 'pending' | 'off' | undefined;
  /** What every event carries, such as page and vectors. */
  common(type: string): EventFields;
}

export interface TrackOptions {
  /** Time of the cause on the page's clock, epoch ms; now when absent. */
  t0_ms?: number;
  /** Joins the batch of the next event instead of leaving at once. */
  hold?: boolean;
}

export interface Tracker {
  track(type: string, fields?: EventFields, options?: TrackOptions): void;
  consent(consent: Consent): void;
  /** Ends everything for this page: nothing is made, sent or shown, whatever is chosen later. */
  stop(): void;
  identify(signed: Record<string, unknown>): Promise<boolean>;
  reset(): void;
  connect(): void;
  online(): void;
  flush(): void;
  unload(): void;
  resume(): void;
  timing(admitted: Admitted, painted_ms: number): Timing;
  onEvent(listener: (event: KairosEvent) => void): void;
  onAdmitted(listener: (admitted: Admitted) => void): void;
  onCancel(listener: (slot_id: string) => void): void;
  onFrame(listener: (frame: unknown) => void): void;
  /** Gives the socket back until the next `connect`. */
  hangUp(): void;
  /** Hears of a choice, a login and a reset, for the other tabs of this browser. */
  onChange(listener: (change: Change) => void): void;
  /** Another tab changed: the same holds here. */
  follow(change: Change): void;
  /** What a debugger shows. */
  look(): Look;
  gate: Gate;
  counts: Counts;
}

/** Who the visitor is and what is allowed, as one tab tells the others. */
export interface Change {
  consent: Consent | null;
  visitor: Visitor;
}

/** The state of the core at one moment. */
export interface Look {
  live: boolean;
  failures: number;
  until: string | undefined;
  consent: Consent | null;
  waiting: number;
  /** The last 20 events with what became of them, oldest first. */
  recent: readonly Queued[];
  /** The last decision, or why there was none. */
  last: Frame | null;
}
