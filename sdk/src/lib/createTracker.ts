import { admitDecision } from './admitDecision';
import type { Admitted } from './admitDecision';
import { followStream } from './followStream';
import type { Frame } from './followStream';
import { keepSession } from './keepSession';
import { keepVisitor } from './keepVisitor';
import { makeId } from './makeId';
import type { Ports } from './ports';
import { queueEvents } from './queueEvents';
import type { Queued } from './queueEvents';
import { sendQueue } from './sendQueue';
import type { Change, TrackOptions, Tracker, TrackerOptions } from './tracker';
import type { Consent, Counts, Decision, EventFields, KairosEvent } from './types';

const TELEMETRY_MS = 2_000;
const REMEMBERED = 200;
const LOOKED_AT = 20;

/** Decision points: each is answered, if only by a reason for nothing. */
const ASKING = new Set(
  (
    'page_view product_view add_to_cart remove_from_cart cart_view exit_intent checkout_start ' +
    'checkout_step purchase ask'
  ).split(' '),
);
/** What waits for company; at the end of a page a beacon follows. All else leaves at once. */
const BATCHED = /^(scroll|hover|pause|tap|hidden|visible|page_leave)$/;

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
  const visitor = keepVisitor(ports, options.consent, options.opted_out);
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
  const changeListeners: ((change: Change) => void)[] = [];
  let timer: number | null = null;
  let live = false;
  let last: Frame | null = null;
  const recent: Queued[] = [];
  let until: 'pending' | 'off' | 'stopped' | undefined = options.until;

  const stream = followStream(ports, {
    site,
    url: endpoint.replace(/^http/, 'ws') + '/v1/stream',
    token: () => visitor.current().token,
    place: session.peek,
    onDecision: receive,
    onRefused: visitor.refuse,
    onCancel(slot_id) {
      gate.cancel(slot_id);
      for (const listener of cancelListeners) listener(slot_id);
    },
    onState: (state) => void (live = state),
    onFrame: heard,
  });
  const sender = sendQueue(ports, queue, visitor, {
    site,
    url: endpoint + options.path,
    // No socket yet, or a proxy that refuses them: then the answer itself brings the decision.
    wait: (type) => !live && ASKING.has(type),
    onToken: connect,
    onDecision(decision) {
      heard(decision);
      receive(decision);
    },
    onNone: (reason) => heard({ type: 'none', reason }),
    onSent: note,
    counts,
  });

  function heard(frame: Frame) {
    if (frame.type === 'decision' || frame.type === 'none') last = frame;
    for (const listener of frameListeners) listener(frame);
  }

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

  function enqueue(type: string, fields: EventFields, t0_ms: number) {
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
    const { seed, token } = visitor.current();
    const item = { envelope: { ...place, seed, token, consent: visitor.consent() }, event };
    queue.push(item);
    if (recent.push(item) > LOOKED_AT) recent.shift();
    traces.set(event.event_id, { t0_ms, sent_ms: 0, type });
    if (traces.size > REMEMBERED) traces.delete(traces.keys().next().value!);
    counts.tracked += 1;
    made.push(event);
  }

  function flush() {
    if (timer !== null) ports.cancel(timer);
    timer = null;
    if (!until) sender.flush();
  }

  function track(type: string, fields: EventFields = {}, how: TrackOptions = {}) {
    if (until && until !== 'pending') return;
    enqueue(type, fields, how.t0_ms ?? ports.now());
    if (how.hold || BATCHED.test(type)) timer ??= ports.later(flush, TELEMETRY_MS);
    else flush();
    // After the hand-over: a listener may be slow, and a session's start is heard too.
    for (const each of made.splice(0)) for (const listener of eventListeners) listener(each);
  }

  function changed() {
    const change = { consent: visitor.consent(), visitor: visitor.current() };
    for (const listener of changeListeners) listener(change);
    greet();
  }

  /** Another visitor or another choice: hello again, as soon as anything may be sent. */
  function greet() {
    if (!until) stream.restart(true);
  }

  function settle(consent: Consent) {
    // What was kept until now goes out under the choice, with its own times, or not at all.
    if (until === 'stopped') return;
    if (until && queue.release(consent)) session.restart();
    until = undefined;
  }

  function connect() {
    if (!until) stream.start();
  }

  return {
    track,
    consent(consent) {
      flush();
      const { seed } = visitor.current();
      visitor.choose(consent, !!until);
      settle(consent);
      if (visitor.current().seed === seed) session.move();
      else session.restart();
      track('consent', { properties: { ...consent } });
      changed();
    },
    stop() {
      until = 'stopped';
      queue.clear();
      stream.stop();
      gate.shut();
      for (const listener of cancelListeners) listener('');
    },
    async identify(signed) {
      if (until) return false;
      flush();
      // Two known people on one device are never one: the second starts as somebody new.
      const id = String(signed.id);
      if (visitor.knows(id)) {
        visitor.forget();
        session.restart();
      }
      // What is in flight must not reach a key that was handed over already.
      await sender.landed();
      if (until) return false;
      const { seed, token } = visitor.current();
      const maker = { seed, token, consent: visitor.consent() };
      const who = token ? { visitor_token: token } : { visitor_seed: seed };
      const body = { site, ...who, ...session.peek(), ...signed };
      const answer = await ports.post(endpoint + '/v1/identify', JSON.stringify(body), true);
      if (answer.status >= 300) return false;
      const said = JSON.parse(answer.body) as { visitor_token?: string };
      visitor.name(maker, id, said.visitor_token);
      changed();
      return true;
    },
    reset() {
      flush();
      // What still waits for a choice is not the next person's to give.
      if (until) queue.clear();
      visitor.forget();
      session.restart();
      changed();
    },
    connect,
    flush,
    online() {
      if (!until) sender.retry();
      connect();
    },
    unload() {
      if (!until) sender.unload();
      session.release();
    },
    resume: session.hold,
    timing({ decision, received_ms }, painted_ms) {
      // Without a named event the newest decision point before the arrival is the cause.
      const event_id = decision.event_id || lastAsking(traces);
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
    hangUp: stream.stop,
    onChange: (listener) => void changeListeners.push(listener),
    follow(change) {
      flush();
      visitor.adopt(change);
      if (change.consent) settle(change.consent);
      if (!visitor.lasting()) session.restart();
      greet();
    },
    look: () => ({
      live,
      failures: stream.failures(),
      until,
      consent: visitor.consent(),
      waiting: queue.items().length,
      recent,
      last,
    }),
    gate,
    counts,
  };
}

function lastAsking(traces: Map<string, Trace>): string {
  let found = '';
  for (const [event_id, { type }] of traces) if (ASKING.has(type)) found = event_id;
  return found;
}
