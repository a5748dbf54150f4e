/** Parsed JSON, or null for anything unreadable; storage and frames are never trusted. */
export function readJson<T>(text: string | null | undefined): T | null {
  try {
    return text ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}
