import type { Ports } from './ports';
import { readJson } from './readJson';
import type { Consent } from './types';

const KEY = 'kairos.v';

export interface Visitor {
  seed: string;
  token: string | null;
}

/** Seed and consent of the moment an event was made in. */
export interface Maker {
  seed: string;
  consent: Consent | null;
}

export interface VisitorKeeper {
  current(): Visitor;
  consent(): Consent | null;
  /** True where the visitor allowed a lasting profile, so that storage may be used. */
  lasting(): boolean;
  choose(consent: Consent): void;
  /** The token to send for an event, or null where its seed has to speak. */
  tokenFor(maker: Maker): string | null;
  learn(maker: Maker, token: string): void;
  /** Forgets a token the gateway did not take; true when there was one. */
  refuse(): boolean;
  forget(): void;
}

/**
 * Who the visitor is: a random seed until the gateway answers with a token. Both are stored only
 * under personalization consent; a withdrawal erases them and starts an unlinkable visitor.
 */
export function keepVisitor(ports: Ports, initial: Consent | null): VisitorKeeper {
  const stored = readJson<Visitor & { consent: Consent }>(ports.local.get(KEY));
  const usable = stored && /^[0-9a-f]{32}$/.test(stored.seed) ? stored : null;
  let chosen = initial || (usable && usable.consent) || null;
  const fresh = (): Visitor => ({ seed: ports.hex(16), token: null });
  const lasting = () => chosen?.personalization === true;
  let visitor: Visitor =
    usable && lasting() ? { seed: usable.seed, token: usable.token || null } : fresh();
  const save = () =>
    lasting()
      ? ports.local.set(KEY, JSON.stringify({ ...visitor, consent: chosen }))
      : ports.local.remove(KEY);
  const mine = (maker: Maker) =>
    maker.seed === visitor.seed && !maker.consent?.personalization === !lasting();
  save();
  return {
    current: () => visitor,
    consent: () => chosen,
    lasting,
    choose(consent) {
      const before = chosen?.personalization;
      chosen = { ...consent };
      // A grant keeps the seed, so the visit so far is the same visitor; its token was of a
      // kind without consent. A refusal starts somebody who cannot be linked.
      if (lasting()) visitor = before ? visitor : { seed: visitor.seed, token: null };
      else if (before !== false) visitor = fresh();
      save();
    },
    tokenFor: (maker) => (mine(maker) ? visitor.token : null),
    learn(maker, token) {
      // An answer for an earlier visitor must not name the present one.
      if (!mine(maker) || visitor.token === token) return;
      visitor = { seed: visitor.seed, token };
      save();
    },
    refuse() {
      if (!visitor.token) return false;
      visitor = { seed: visitor.seed, token: null };
      save();
      return true;
    },
    forget() {
      visitor = fresh();
      save();
    },
  };
}
