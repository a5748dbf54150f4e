import type { Tracker } from '../lib/tracker';
import { domTime } from './watchClicks';

/** hidden, visible and page_leave; the last chance to send, and the return from the page cache. */
export function watchLeave(tracker: Tracker, onReturn: (t0_ms: number) => void) {
  let left = false;
  document.addEventListener('visibilitychange', (event) => {
    if (left) return;
    const hidden = document.visibilityState === 'hidden';
    tracker.track(hidden ? 'hidden' : 'visible', {}, { t0_ms: domTime(event) });
    // A phone may end a hidden page without another word.
    if (hidden) tracker.flush();
  });
  addEventListener('pagehide', (event) => {
    left = true;
    tracker.track('page_leave', {}, { t0_ms: domTime(event) });
    tracker.unload();
  });
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    left = false;
    tracker.resume();
    onReturn(domTime(event));
  });
  addEventListener('online', () => tracker.online());
}
