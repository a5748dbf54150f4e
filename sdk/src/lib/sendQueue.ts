import type { Answer, Ports } from './ports';
import type { EventQueue, Queued } from './queueEvents';
import { readJson } from './readJson';
import { MAX_BYTES, byteLength, takeBatch } from './takeBatch';
import type { Counts, Decision } from './types';
import { stringifyWell } from './stringifyWell';
import type { VisitorKeeper } from './keepVisitor';
import { waitBackoff } from './waitBackoff';

interface Accepted {
  visitor_id?: string;
  visitor_token?: string;
  accepted?: number;
  duplicates?: number;
  rejected?: { index: number; field: string; error: string }[];
  decision?: Decision | null;
  reason?: string | null;
}

export interface SenderOptions {
  site: string;
  url: string;
  /** True where the answer to a batch ending in this type has to bring the decision. */
  wait(type: string): boolean;
  onToken(): void;
  onDecision(decision: Decision): void;
  /** The answer said why there is none. */
  onNone(reason: string): void;
  onSent(items: readonly Queued[]): void;
  counts: Counts;
}

export interface Sender {
  /** Everything unsent leaves now, in order; nothing while a failure is being waited out. */
  flush(): void;
  /** Tries at once although a failure is being waited out: the network came back. */
  retry(): void;
  /** The page goes away: beacons, which need no answer. */
  unload(): void;
  /** Resolves when what is in flight was answered or failed, after 300 ms at the latest. */
  landed(): Promise<unknown>;
}

const WAIT_MS = 300;

/** Posts the queue: same ids and order after a failure, back-off with jitter between tries. */
export function sendQueue(
  ports: Ports,
  queue: EventQueue,
  visitor: VisitorKeeper,
  options: SenderOptions,
): Sender {
  let attempt = 0;
  let timer: number | null = null;
  let keepalive_bytes = 0;
  let flying: Promise<unknown> = Promise.resolve();
  const { counts } = options;

  function bodyOf(batch: readonly Queued[]): string {
    const { envelope } = batch[0]!;
    const { seed, token, consent, session_id, tab_id } = envelope;
    return stringifyWell({
      site: options.site,
      ...(token ? { visitor_token: token } : { visitor_seed: seed }),
      session_id,
      tab_id,
      sent_at: Math.round(ports.now()),
      ...(consent ? { consent } : {}),
      events: batch.map((item) => item.event),
    });
  }

  function flush() {
    if (timer !== null) return;
    for (let batch = takeBatch(queue.items()); batch.length; batch = takeBatch(queue.items()))
      send(batch);
    queue.save();
  }

  function send(batch: Queued[]) {
    const body = bodyOf(batch);
    const bytes = byteLength(body);
    const keep = keepalive_bytes + bytes <= MAX_BYTES;
    if (keep) keepalive_bytes += bytes;
    queue.mark(batch, true);
    verdict(batch, 'sent');
    const asks = options.wait(batch[batch.length - 1]!.event.type);
    const url = asks ? `${options.url}?wait=${WAIT_MS}` : options.url;
    const answered = ports.post(url, body, keep);
    options.onSent(batch);
    const release = () => void (keep && (keepalive_bytes -= bytes));
    answered.then(
      (answer) => (release(), settle(batch, answer)),
      () => (release(), fail(batch, null)),
    );
    flying = flying.then(() => answered).catch(() => null);
  }

  function settle(batch: Queued[], answer: Answer) {
    const { status } = answer;
    const { token } = batch[0]!.envelope;
    const unnamed = status === 401 && token;
    if (unnamed) {
      // It may have been made by a secret that was rotated; the seed names the same visitor.
      visitor.refuse(token);
      for (const { envelope } of batch) envelope.token = null;
    }
    if (status === 429 || status >= 500 || unnamed) return fail(batch, answer.retry_after_s);
    if (status === 413 && batch.length > 1) return halve(batch);
    queue.drop(batch);
    const said = readJson<Accepted>(answer.body) || {};
    verdict(batch, status < 300 ? 'accepted' : 'refused ' + status);
    for (const { index, field, error } of said.rejected || [])
      if (batch[index]) batch[index].verdict = `rejected: ${field} ${error}`;
    if (status < 300) {
      attempt = 0;
      counts.acked += said.accepted ?? batch.length;
      counts.duplicates += said.duplicates || 0;
      counts.rejected += said.rejected?.length || 0;
      if (said.visitor_token) {
        visitor.learn(batch[0]!.envelope, said.visitor_token);
        options.onToken();
      }
      if (said.decision) options.onDecision(said.decision);
      else if (said.reason) options.onNone(said.reason);
    } else counts.rejected += batch.length;
    queue.save();
  }

  function verdict(batch: readonly Queued[], text: string) {
    for (const item of batch) item.verdict = text;
  }

  function halve(batch: Queued[]) {
    const half = batch.length >> 1;
    send(batch.slice(0, half));
    send(batch.slice(half));
  }

  function fail(batch: Queued[], retry_after_s: number | null) {
    queue.mark(batch, false);
    verdict(batch, 'will retry');
    queue.save();
    if (timer !== null) return;
    timer = ports.later(retry, waitBackoff(attempt, ports.random(), retry_after_s));
    attempt += 1;
  }

  function retry() {
    if (timer !== null) ports.cancel(timer);
    timer = null;
    flush();
  }

  function unload() {
    for (let batch = takeBatch(queue.items()); batch.length; batch = takeBatch(queue.items())) {
      if (!ports.beacon(options.url, bodyOf(batch))) break;
      counts.beaconed += batch.length;
      queue.drop(batch);
    }
    queue.save();
  }

  const landed = () =>
    Promise.race([flying, new Promise<void>((done) => void ports.later(done, WAIT_MS))]);

  return { flush, retry, unload, landed };
}
