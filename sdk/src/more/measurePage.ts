import type { Vectors } from '../lib/types';

const INPUT_LIVES_MS = 15_000;
const BANDS = [0.25, 0.5, 0.7, 0.9];

export interface PageMeter {
  vectors(): Vectors;
  reset(): void;
}

/**
 * Scroll depth, active time and tap rhythm of one page view. Active is visible, focused and with an
 * input in the last 15 seconds; the end of that is a pause, told once.
 */
export function measurePage(onBand: (t0_ms: number) => void, onPause: () => void): PageMeter {
  let depth = 0;
  let active_ms = 0;
  let input_ms = 0;
  let counted_ms = 0;
  let band = 0;
  let paused = false;
  let taps: number[] = [];
  let framed = false;

  function reset() {
    depth = active_ms = band = 0;
    taps = [];
    paused = false;
    input_ms = counted_ms = performance.now();
  }

  function count() {
    const now = performance.now();
    const until = Math.min(now, input_ms + INPUT_LIVES_MS);
    if (document.visibilityState === 'visible' && document.hasFocus())
      active_ms += Math.max(0, until - counted_ms);
    counted_ms = now;
    if (now > input_ms + INPUT_LIVES_MS && !paused && !document.hidden) {
      paused = true;
      onPause();
    }
  }

  function input(event: Event) {
    count();
    input_ms = performance.now();
    paused = false;
    if (event.type === 'pointerdown') taps = [...taps.slice(-8), event.timeStamp];
  }

  function scrolled(event: Event) {
    if (framed) return;
    framed = true;
    // One layout read a frame, however many scroll events the browser sends.
    requestAnimationFrame(() => {
      framed = false;
      const { scrollHeight } = document.documentElement;
      // The part of the way down that was scrolled; a page without a way has none.
      const way_px = scrollHeight - innerHeight;
      if (way_px > 0) depth = Math.max(depth, Math.min(1, scrollY / way_px));
      const before = band;
      while (depth > BANDS[band]!) band += 1;
      if (band > before) onBand(performance.timeOrigin + event.timeStamp);
    });
  }

  reset();
  for (const name of ['pointerdown', 'pointermove', 'keydown', 'scroll', 'touchstart'])
    addEventListener(name, input, { passive: true, capture: true });
  addEventListener('scroll', scrolled, { passive: true });
  for (const name of ['visibilitychange', 'focus', 'blur']) addEventListener(name, count, true);
  setInterval(count, 5_000);

  return {
    reset,
    vectors() {
      count();
      const gaps = taps
        .slice(1)
        .map((tap, i) => tap - taps[i]!)
        .sort((a, b) => a - b);
      return {
        ...(depth ? { scroll_depth: round(depth, 1_000_000) } : {}),
        ...(gaps.length ? { tap_velocity_ms: Math.round(gaps[gaps.length >> 1]!) } : {}),
        active_duration_s: round(active_ms / 1_000, 10),
      };
    },
  };
}

function round(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}
