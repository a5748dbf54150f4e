/**
 * The absolute form of a link that may be followed: http or https, on this host, a parent or a
 * sub-domain of it, or a host the shop listed. Anything else, `javascript:` first of all, is null.
 */
export function safeUrl(
  link: string | null | undefined,
  base: string,
  allowed: readonly string[] = [],
): string | null {
  if (!link) return null;
  try {
    const url = new URL(link, base);
    const here = new URL(base).hostname;
    const within = (host: string, site: string) => host === site || host.endsWith('.' + site);
    const parent = url.hostname.includes('.') && within(here, url.hostname);
    const near = parent || within(url.hostname, here);
    const known = near || allowed.some((site) => within(url.hostname, site));
    return /^https?:$/.test(url.protocol) && known ? url.href : null;
  } catch {
    return null;
  }
}
