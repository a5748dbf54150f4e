import type { Ports } from '../lib/ports';
import { openStore } from './openStore';

const REQUEST_MS = 15_000;
const DRIFT_MS = 1_000;

/** The browser behind the core's ports. */
export function openPorts(): Ports {
  return {
    now: pageClock,
    random: Math.random,
    hex(bytes) {
      const drawn = crypto.getRandomValues(new Uint8Array(bytes));
      return Array.from(drawn, (b) => b.toString(16).padStart(2, '0')).join('');
    },
    local: openStore('localStorage'),
    tab: openStore('sessionStorage'),
    async post(url, body, keepalive) {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), REQUEST_MS);
      try {
        // text/plain keeps this a simple request: no pre-flight before a decision point.
        const answer = await fetch(url, {
          method: 'POST',
          body,
          keepalive,
          credentials: 'omit',
          headers: { 'Content-Type': 'text/plain' },
          signal: stop.signal,
        });
        const retry = Number(answer.headers.get('Retry-After'));
        return { status: answer.status, retry_after_s: retry || null, body: await answer.text() };
      } finally {
        clearTimeout(timer);
      }
    },
    beacon: (url, body) => navigator.sendBeacon(url, body),
    later: (run, delay_ms) => setTimeout(run, delay_ms) as unknown as number,
    cancel: (timer) => clearTimeout(timer),
    open(url, events) {
      try {
        const socket = new WebSocket(url);
        socket.onopen = () => events.open();
        socket.onmessage = (frame) => events.message(String(frame.data));
        socket.onclose = (closed) => events.close(closed.code);
        return { send: (text) => socket.send(text), close: () => socket.close() };
      } catch {
        setTimeout(() => events.close(1006), 0);
        return { send() {}, close() {} };
      }
    },
  };
}

/**
 * Epoch ms on the page's monotonic clock, the one event.timeStamp and painting use; after a sleep
 * that stopped it, the wall clock.
 */
export function pageClock(): number {
  const page_ms = performance.timeOrigin + performance.now();
  const wall_ms = Date.now();
  return Math.abs(page_ms - wall_ms) > DRIFT_MS ? wall_ms : page_ms;
}
