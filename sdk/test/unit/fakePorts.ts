import type { Answer, Ports, SocketEvents, Store } from '../../src/lib/ports';

export interface Post {
  url: string;
  body: Batch;
  keepalive: boolean;
  at_ms: number;
}

export interface Batch {
  visitor_seed?: string;
  visitor_token?: string;
  session_id: string;
  tab_id: string;
  sent_at: number;
  consent?: Record<string, boolean>;
  events: { event_id: string; session_index: number; type: string; ts: number }[];
}

export interface FakeSocket {
  url: string;
  events: SocketEvents;
  sent: Record<string, unknown>[];
  closed: boolean;
}

export const START_MS = 1_712_613_245_000;
export const ACCEPTED: Answer = {
  status: 202,
  retry_after_s: null,
  body: '{"visitor_token":"tok"}',
};

export function makeStore(): Store & { map: Map<string, string> } {
  const map = new Map<string, string>();
  return {
    map,
    get: (key) => map.get(key) ?? null,
    set: (key, value) => void map.set(key, value),
    remove: (key) => void map.delete(key),
    keys: () => [...map.keys()],
  };
}

/** A world of its own: a clock that only the test moves, a network that the test scripts. */
export function makeWorld(shared: { local?: Store; tab?: Store } = {}) {
  const posts: Post[] = [];
  const beacons: Batch[] = [];
  const sockets: FakeSocket[] = [];
  const timers = new Map<number, { at_ms: number; run: () => void }>();
  let now_ms = START_MS;
  let drawn = 0;
  let answer: (post: Post) => Promise<Answer> = () => Promise.resolve(ACCEPTED);
  let beaconLimit = Infinity;
  const local = shared.local ?? makeStore();
  const tab = shared.tab ?? makeStore();
  const ports: Ports = {
    now: () => now_ms,
    random: () => 0.5,
    hex: (bytes) =>
      (++drawn * 2654435761 * 7919)
        .toString(16)
        .slice(0, 8)
        .padStart(bytes * 2, '0'),
    local,
    tab,
    post(url, text, keepalive) {
      const post = { url, body: JSON.parse(text) as Batch, keepalive, at_ms: now_ms };
      posts.push(post);
      return answer(post);
    },
    beacon(_url, text) {
      if (beacons.length >= beaconLimit) return false;
      beacons.push(JSON.parse(text) as Batch);
      return true;
    },
    later(run, delay_ms) {
      const id = timers.size + drawn++ + 1;
      timers.set(id, { at_ms: now_ms + delay_ms, run });
      return id;
    },
    cancel: (timer) => void timers.delete(timer),
    open(url, events) {
      const socket: FakeSocket = { url, events, sent: [], closed: false };
      sockets.push(socket);
      return {
        send: (text) => void socket.sent.push(JSON.parse(text)),
        close: () => void (socket.closed = true),
      };
    },
  };
  return {
    ports,
    posts,
    beacons,
    sockets,
    local,
    tab,
    answerWith: (next: typeof answer) => void (answer = next),
    limitBeacons: (count: number) => void (beaconLimit = count),
    /** Moves the clock, running what falls due in order, and lets promises settle. */
    async pass(duration_ms: number) {
      const until_ms = now_ms + duration_ms;
      for (;;) {
        await settle();
        const due = [...timers]
          .filter(([, t]) => t.at_ms <= until_ms)
          .sort((a, b) => a[1].at_ms - b[1].at_ms)[0];
        if (!due) break;
        timers.delete(due[0]);
        now_ms = Math.max(now_ms, due[1].at_ms);
        due[1].run();
      }
      now_ms = until_ms;
      await settle();
    },
  };
}

export async function settle() {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

export const status = (code: number, retry_after_s: number | null = null): Answer => ({
  status: code,
  retry_after_s,
  body: '',
});
