/** What the core needs from the outside; the browser and the tests each bring their own. */

export interface Store {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(): string[];
}

export interface Answer {
  status: number;
  /** Seconds of a Retry-After header, or null. */
  retry_after_s: number | null;
  body: string;
}

export interface Socket {
  send(text: string): void;
  close(): void;
}

export interface SocketEvents {
  open(): void;
  message(text: string): void;
  close(code: number): void;
}

export interface Ports {
  /** Epoch milliseconds of one clock for everything the page says. */
  now(): number;
  /** Uniform in [0, 1), for jitter only. */
  random(): number;
  /** `bytes` random bytes in lower-case hex. */
  hex(bytes: number): string;
  /** Survives the browser's end; written only under personalization consent. */
  local: Store;
  /** Lives as long as the tab. */
  tab: Store;
  /** Rejects when the network fails. */
  post(url: string, body: string, keepalive: boolean): Promise<Answer>;
  /** True when the browser took charge of the body. */
  beacon(url: string, body: string): boolean;
  later(run: () => void, delay_ms: number): number;
  cancel(timer: number): void;
  open(url: string, events: SocketEvents): Socket;
}
