import type { Ports } from './ports';

/** A random version 4 UUID; works on plain http too, where crypto.randomUUID is missing. */
export function makeId(ports: Pick<Ports, 'hex'>): string {
  const h = ports.hex(16);
  const variant = '89ab'[parseInt(h[16]!, 16) & 3];
  const [a, b, c, d] = [h.slice(0, 8), h.slice(8, 12), h.slice(13, 16), h.slice(17, 20)];
  return `${a}-${b}-4${c}-${variant}${d}-${h.slice(20)}`;
}
