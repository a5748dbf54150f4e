import { admitDecision } from './admitDecision';
import type { Admitted, Gate } from './admitDecision';
import { followStream } from './followStream';
import { keepSession } from './keepSession';
import { keepVisitor } from './keepVisitor';
import { makeId } from './makeId';
import type { Ports } from './ports';
import { queueEvents } from './queueEvents';
import type { Queued } from './queueEvents';
import { sendQueue } from './sendQueue';
import type { Consent, Counts, Decision, EventFields, KairosEvent, Timing } from './types';

const TELEMETRY_MS = 2_000;
const REMEMBERED = 200;

/** Events that ask for, cancel or answer a decision: they never wait for a batch. */
const URGENT = new Set(
  (
    'page_view product_view add_to_cart remove_from_cart cart_view exit_intent checkout_start ' +
    'checkout_step purchase ask consent identify impression action_click dismiss convert'
  ).split(' '),
);

export interface TrackerOptions {
  site: string;
  /** Origin of the gateway, without a trailing slash. */
  endpoint: string;
  path: string;
  consent: Consent | null;
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
  track(type: string, fields?: EventFields, options?: TrackOptions): KairosEvent;
  consent(consent: Consent): void;
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
  gate: Gate;
  counts: Counts;
}

interface Trace {
  t0_ms: number;
  sent_ms: number;
  type: string;
}

/** The core without a browser: identity, session, queue, transport, socket, admission. */
export function createTracker(ports: Ports, options: TrackerOptions): Tracker {
  const { site, endpoint } = options;
  const counts: Counts = {
    tracked: 0,
    acked: 0,
    duplicates: 0,
    rejected: 0,
    beaconed: 0,
    dropped: 0,
  };
  const visitor = keepVisitor(ports, options.consent);
  const session = keepSession(ports, visitor.lasting);
  const queue = queueEvents(ports, session.peek().tab_id, visitor.lasting, (count) => {
    counts.dropped += count;
  });
  const gate = admitDecision(ports);
  const traces = new Map<string, Trace>();
  const made: KairosEvent[] = [];
  const eventListeners: ((event: KairosEvent) => void)[] = [];
  const decisionListeners: ((admitted: Admitted) => void)[] = [];
  const cancelListeners: ((slot_id: string) => void)[] = [];
  const frameListeners: ((frame: unknown) => void)[] = [];
  let timer: number | null = null;
  let live = false;

  const stream = followStream(ports, {
    site,
    url: endpoint.replace(/^http/, 'ws') + '/v1/stream',
    token: () => visitor.current().token,
    place: session.peek,
    onDecision: receive,
    onRefused: () => void visitor.refuse(),
    onCancel(slot_id) {
      gate.cancel(slot_id);
      for (const listener of cancelListeners) listener(slot_id);
    },
    onState: (state) => void (live = state),
    onFrame: (frame) => frameListeners.forEach((listener) => listener(frame)),
  });
  const sender = sendQueue(ports, queue, visitor, {
    site,
    url: endpoint + options.path,
    // A proxy that refuses sockets must not silence decisions: the answer brings them then.
    wait: () => !live && stream.failures() > 1,
    onToken: stream.start,
    onDecision: receive,
    onSent: note,
    counts,
  });

  function receive(decision: Decision) {
    const admitted = gate.admit(decision);
    if (admitted) for (const listener of decisionListeners) listener(admitted);
  }

  function note(items: readonly Queued[]) {
    const sent_ms = ports.now();
    for (const { event } of items) {
      const trace = traces.get(event.event_id);
      if (trace && !trace.sent_ms) trace.sent_ms = sent_ms;
    }
  }

  function enqueue(type: string, fields: EventFields, t0_ms: number): KairosEvent {
    if (session.begins()) {
      if (live) stream.restart(false);
      enqueue('session_start', fields.source ? { source: fields.source } : {}, t0_ms);
    }
    const { session_index, ...place } = session.next();
    const event: KairosEvent = {
      event_id: makeId(ports),
      session_index,
      type,
      ts: Math.round(t0_ms),
      ...options.common(type),
      ...fields,
    };
    const { seed } = visitor.current();
    queue.push({ envelope: { ...place, seed, consent: visitor.consent() }, event });
    traces.set(event.event_id, { t0_ms, sent_ms: 0, type });
    if (traces.size > REMEMBERED) traces.delete(traces.keys().next().value!);
    counts.tracked += 1;
    made.push(event);
    return event;
  }

  function flush() {
    if (timer !== null) ports.cancel(timer);
    timer = null;
    sender.flush();
  }

  function track(type: string, fields: EventFields = {}, how: TrackOptions = {}): KairosEvent {
    const event = enqueue(type, fields, how.t0_ms ?? ports.now());
    if (how.hold || !URGENT.has(type)) timer ??= ports.later(flush, TELEMETRY_MS);
    else flush();
    // After the hand-over: a listener may be slow, and a session's start is heard too.
    for (const each of made.splice(0)) for (const listener of eventListeners) listener(each);
    return event;
  }

  return {
    track,
    consent(consent) {
      flush();
      const { seed } = visitor.current();
      visitor.choose(consent);
      if (visitor.current().seed === seed) session.move();
      else session.restart();
      track('consent', { properties: { ...consent } });
      stream.restart(true);
    },
    async identify(signed) {
      flush();
      const maker = { seed: visitor.current().seed, consent: visitor.consent() };
      const { token } = visitor.current();
      const body = { site, visitor_token: token, ...session.peek(), ...signed };
      const answer = await ports.post(endpoint + '/v1/identify', JSON.stringify(body), true);
      if (answer.status >= 300) return false;
      const said = JSON.parse(answer.body) as { visitor_token?: string };
      if (said.visitor_token) visitor.learn(maker, said.visitor_token);
      stream.restart(true);
      return true;
    },
    reset() {
      flush();
      visitor.forget();
      session.restart();
      stream.restart(true);
    },
    connect: stream.start,
    flush,
    online() {
      sender.retry();
      stream.start();
    },
    unload() {
      sender.unload();
      session.release();
    },
    resume: session.hold,
    timing({ decision, received_ms }, painted_ms) {
      // Without a named event the newest urgent one before the arrival is the cause.
      const event_id = decision.event_id || lastUrgent(traces);
      const trace = traces.get(event_id);
      return {
        slot_id: decision.slot_id,
        event_id,
        event_type: trace?.type ?? '',
        t0_ms: trace?.t0_ms ?? 0,
        sent_ms: trace?.sent_ms ?? 0,
        received_ms,
        painted_ms,
      };
    },
    onEvent: (listener) => void eventListeners.push(listener),
    onAdmitted: (listener) => void decisionListeners.push(listener),
    onCancel: (listener) => void cancelListeners.push(listener),
    onFrame: (listener) => void frameListeners.push(listener),
    gate,
    counts,
  };
}

const OUTCOMES = new Set([
  'impression',
  'action_click',
  'dismiss',
  'convert',
  'consent',
  'identify',
]);

function lastUrgent(traces: Map<string, Trace>): string {
  let found = '';
  for (const [event_id, { type }] of traces)
    if (URGENT.has(type) && !OUTCOMES.has(type)) found = event_id;
  return found;
}
