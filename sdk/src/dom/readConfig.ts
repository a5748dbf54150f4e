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
}

/** Configuration from the script tag's data attributes, or null when it names no site. */
export function readConfig(script: HTMLScriptElement | null): Config | null {
  const { site, endpoint, path, consent, auto, preload, links } = script?.dataset ?? {};
  if (!script || !site) return null;
  const all = consent === 'granted';
  return {
    site,
    endpoint: endpoint || new URL(script.src).origin,
    base: new URL('.', script.src).href,
    auto: auto !== 'off',
    preload: preload !== 'off',
    ...(path ? { path } : {}),
    ...(links ? { links: links.split(/[\s,]+/) } : {}),
    ...(all || consent === 'denied'
      ? { consent: { analytics: all, personalization: all, marketing: all } }
      : {}),
  };
}
