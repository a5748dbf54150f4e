import type { Ports, Socket } from './ports';
import { readJson } from './readJson';
import type { Decision } from './types';
import { waitBackoff } from './waitBackoff';

const KEY = 'kairos.w';
const FIRST_RECONNECT_MS = 400;
const QUIET_MARGIN_MS = 8_000;
const BAD_TOKEN = 4001;

interface Position {
  epoch: string | number | null;
  last_seq: number;
}

export interface Frame {
  type?: string;
  reason?: string;
  epoch?: string | number | null;
  resumed?: boolean;
  heartbeat_s?: number;
  slot_id?: string;
  seq?: number;
  after_ms?: number;
}

export interface StreamOptions {
  site: string;
  url: string;
  /** The signed token, or null until the first answer brought one. */
  token(): string | null;
  place(): { session_id: string; tab_id: string };
  onDecision(decision: Decision): void;
  onCancel(slot_id: string): void;
  /** This token was refused; a new one comes with the next answer. */
  onRefused(token: string | null): void;
  onState(live: boolean): void;
  /** Every frame as it came, for those who want to see more than actions. */
  onFrame(frame: Frame): void;
}

export interface Stream {
  /** Opens the socket if it is not open; says hello as soon as there is a token. */
  start(): void;
  /** Hello again on a new socket, for another session or, forgetting the position, visitor. */
  restart(forget: boolean): void;
  stop(): void;
  failures(): number;
}

/** Holds the push socket: hello, resume by epoch and sequence, jittered reconnects. */
export function followStream(ports: Ports, options: StreamOptions): Stream {
  let socket: Socket | null = null;
  let open = false;
  let greeted: string | null = null;
  let refused: string | null = null;
  let attempt = 0;
  let timer: number | null = null;
  let quiet: number | null = null;
  let quiet_ms = 0;
  let after_ms: number | undefined;
  const position: Position = readJson<Position>(ports.tab.get(KEY)) || {
    epoch: null,
    last_seq: 0,
  };

  function start() {
    const token = options.token();
    if (token !== null && token === refused) return;
    if (socket) return hello();
    if (timer !== null) return;
    after_ms = undefined;
    const mine: Socket = ports.open(options.url, {
      open: () => mine === socket && ((open = true), hello()),
      message: (text) => mine === socket && hear(text),
      close: (code) => mine === socket && lost(code),
    });
    socket = mine;
  }

  function hello() {
    const token = options.token();
    if (!open || !token || greeted === token) return;
    greeted = token;
    const { epoch, last_seq } = position;
    const frame = { type: 'hello', site: options.site, visitor_token: token, ...options.place() };
    socket!.send(JSON.stringify({ ...frame, last_seq, epoch }));
  }

  function hear(text: string) {
    watch();
    const frame = readJson<Frame>(text);
    if (!frame) return;
    options.onFrame(frame);
    if (frame.type === 'welcome') welcome(frame);
    else if (frame.type === 'ping') socket!.send('{"type":"pong"}');
    else if (frame.type === 'reconnect') after_ms = frame.after_ms;
    else if (frame.type === 'cancel' && frame.slot_id) {
      // It goes out before the actions of its number and below: those are still to come.
      reach(frame);
      options.onCancel(frame.slot_id);
    } else if (frame.type === 'decision') {
      reach(frame, frame.seq);
      options.onDecision(frame as Decision);
    }
  }

  /** Sequence numbers of another epoch say nothing about this one. */
  function reach({ epoch = position.epoch }: Frame, seq = 0) {
    if (epoch !== position.epoch || seq > position.last_seq) remember(epoch, seq);
  }

  function welcome(frame: Frame) {
    attempt = 0;
    reach(frame);
    quiet_ms = frame.heartbeat_s ? frame.heartbeat_s * 2_000 + QUIET_MARGIN_MS : 0;
    watch();
    options.onState(true);
  }

  function remember(epoch: Position['epoch'], last_seq: number) {
    position.epoch = epoch;
    position.last_seq = last_seq;
    ports.tab.set(KEY, JSON.stringify(position));
  }

  /** A gateway that promised heartbeats and fell silent is gone, whatever the socket says. */
  function watch() {
    if (quiet !== null) ports.cancel(quiet);
    quiet = quiet_ms ? ports.later(() => socket && (drop(), lost(1006)), quiet_ms) : null;
  }

  function drop() {
    const old = socket;
    socket = null;
    open = false;
    greeted = null;
    if (quiet !== null) ports.cancel(quiet);
    quiet = null;
    old?.close();
  }

  function lost(code: number) {
    const token = greeted;
    drop();
    options.onState(false);
    // A refused token comes back only with another token; what no return will change never.
    if (code === BAD_TOKEN) {
      refused = token ?? options.token();
      options.onRefused(refused);
    }
    if (code > 3999 && code < 4005) return;
    const wait_ms =
      after_ms ??
      waitBackoff(
        attempt + (code === 4029 ? 4 : 0),
        ports.random(),
        null,
        FIRST_RECONNECT_MS,
      );
    attempt += 1;
    timer = ports.later(() => {
      timer = null;
      start();
    }, wait_ms);
  }

  function stop() {
    if (timer !== null) ports.cancel(timer);
    timer = null;
    if (socket) drop();
  }

  return {
    start,
    restart(forget) {
      if (forget) remember(null, 0);
      stop();
      start();
    },
    stop,
    failures: () => attempt,
  };
}
