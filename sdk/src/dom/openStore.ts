import type { Store } from '../lib/ports';

const LATEST_MS = 1_000;

/**
 * Storage behind a memory: what is written is read back at once and reaches the browser's storage
 * when the page is idle or goes away, since its first write may cost 30 ms in the task of a send.
 * What a browser refuses to keep is remembered for this page only; a removal never waits.
 */
export function openStore(name: 'localStorage' | 'sessionStorage'): Store {
  const memory = new Map<string, string>();
  const waiting = new Set<string>();
  const attempt = <T>(use: (store: Storage) => T, otherwise: T): T => {
    try {
      return use(window[name]);
    } catch {
      return otherwise;
    }
  };
  const write = () => {
    for (const key of waiting)
      if (attempt((s) => (s.setItem(key, memory.get(key)!), true), false)) memory.delete(key);
    waiting.clear();
  };
  const idle = window.requestIdleCallback || ((run: () => void) => setTimeout(run, 50));
  let leaving = false;
  for (const event of ['pagehide', 'pageshow', 'visibilitychange'])
    addEventListener(event, ({ type }) => {
      leaving = type === 'pagehide' || document.visibilityState === 'hidden';
      if (leaving) write();
    });
  return {
    get: (key) => memory.get(key) ?? attempt((s) => s.getItem(key), null),
    set(key, value) {
      memory.set(key, value);
      if (!waiting.size && !leaving) idle(write, { timeout: LATEST_MS });
      waiting.add(key);
      if (leaving) write();
    },
    remove(key) {
      memory.delete(key);
      waiting.delete(key);
      attempt((s) => s.getItem(key) !== null && s.removeItem(key), undefined);
    },
    keys: () => [...new Set([...memory.keys(), ...attempt((s) => Object.keys(s), [])])],
  };
}
