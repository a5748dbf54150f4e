import type { Help } from './contract';

/** The pointer leaving through the top edge, once a page view. */
export function watchExit({ tracker, domTime }: Help): { reset(): void } {
  let told = false;
  document.documentElement.addEventListener('mouseleave', (event) => {
    if (told || event.clientY > 0) return;
    told = true;
    tracker.track('exit_intent', {}, { t0_ms: domTime(event) });
  });
  return { reset: () => void (told = false) };
}
