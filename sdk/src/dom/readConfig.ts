import type { Consent } from '../lib/types';
import type { Texts } from '../render/contract';

export interface Config {
  /** Site id as registered with the gateway. */
  site: string;
  /** Origin of the gateway; default: where the script came from. */
  endpoint?: string;
  /** Path of the event endpoint; default `/v1/events`. */
  path?: string;
  /** Folder of kairos-render.js; default: beside the SDK. */
  base?: string;
  /** Consent known at the start; absent means the site's default. */
  consent?: Consent;
  /** Capture automatically; default true. */
  auto?: boolean;
  /** Fetch the renderer when the page is idle; default true. */
  preload?: boolean;
  /** Further hosts that actions may link to. */
  links?: readonly string[];
  /** Texts of the controls, for other languages. */
  texts?: Partial<Texts>;
  /** Overrides the flag for automated browsers. */
  automated?: boolean;
  /** Until the visitor chose: `pending` keeps events in memory, `off` makes none. */
  until?: 'pending' | 'off';
  /** When fast clicks count as rage; default 3 clicks, 30 px, 1,000 ms. */
  rage?: { clicks?: number; radius_px?: number; window_ms?: number };
  /** Watch forms, answers and the data layer for cart changes; default true. */
  effects?: boolean;
  /** Pattern of the addresses that add to this shop's cart. */
  cart?: string;
}

/** Configuration from the script tag's data attributes, or null when it names no site. */
export function readConfig(script: HTMLScriptElement | null): Config | null {
  const { site, endpoint, path, consent, auto, preload, links, effects, cart } =
    script?.dataset ?? {};
  if (!script || !site) return null;
  const all = /^(granted|full)$/.test(consent!);
  return {
    site,
    endpoint: endpoint || new URL(script.src).origin,
    base: new URL('.', script.src).href,
    auto: auto !== 'off',
    preload: preload !== 'off',
    ...(path ? { path } : {}),
    ...(links ? { links: links.split(/[\s,]+/) } : {}),
    ...(cart ? { cart } : {}),
    effects: effects !== 'off',
    ...(consent === 'pending' || consent === 'off' ? { until: consent } : {}),
    ...(all || /^(denied|session)$/.test(consent!)
      ? { consent: { analytics: all, personalization: all, marketing: all } }
      : {}),
  };
}
