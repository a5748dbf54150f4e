const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * Milliseconds until the next try: exponential with full jitter above a floor, and never earlier
 * than the server asked for.
 */
export function waitBackoff(
  attempt: number,
  random: number,
  retry_after_s: number | null,
  first_ms = FIRST_MS,
): number {
  const ceiling = Math.min(LONGEST_MS, first_ms * 2 ** Math.min(attempt, 16));
  const jittered = ceiling / 2 + (random * ceiling) / 2;
  return Math.round(Math.max(jittered, (retry_after_s || 0) * 1_000 + random * first_ms));
}
