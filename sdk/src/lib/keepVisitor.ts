import type { Ports } from './ports';
import { readJson } from './readJson';
import type { Consent } from './types';

const KEY = 'kairos.v';
const NOTHING: Consent = { analytics: false, personalization: false, marketing: false };

export interface Visitor {
  seed: string;
  token: string | null;
  /** A digest of the known id, once somebody was identified. */
  known?: number;
}

/** Seed, token and consent of the moment an event was made in. */
export interface Maker {
  seed: string;
  /** Whose key the event counts under, at the first try and at the last; null: the seed's. */
  token: string | null;
  consent: Consent | null;
}

export interface VisitorKeeper {
  current(): Visitor;
  consent(): Consent | null;
  /** True where the visitor allowed a lasting profile, so that storage may be used. */
  lasting(): boolean;
  /** `unsent`: nothing of this visitor left the page yet, so there is nothing to unlink. */
  choose(consent: Consent, unsent?: boolean): void;
  learn(maker: Maker, token: string): void;
  /** Forgets a token the gateway did not take. */
  refuse(token: string | null): void;
  /** True where somebody with another id was identified before. */
  knows(id: string): boolean;
  /** A login that began as `maker` was taken; its token stands whatever came meanwhile. */
  name(maker: Maker, id: string, token: string | undefined): void;
  forget(): void;
  /** The visitor of another tab, as far as it may be shared. */
  adopt(other: { consent: Consent | null; visitor: Visitor }): void;
}

/**
 * Who the visitor is: a random seed until the gateway answers with a token. Both are stored only
 * under personalization consent; a withdrawal erases them and starts an unlinkable visitor.
 */
export function keepVisitor(
  ports: Ports,
  initial: Consent | null,
  opted_out = false,
): VisitorKeeper {
  const stored = readJson<Visitor & { consent: Consent }>(ports.local.get(KEY));
  const usable = stored && /^[0-9a-f]{32}$/.test(stored.seed) ? stored : null;
  let chosen = initial || (usable && usable.consent) || (opted_out ? NOTHING : null);
  const fresh = (): Visitor => ({ seed: ports.hex(16), token: null });
  const lasting = () => chosen?.personalization === true;
  let visitor: Visitor =
    usable && lasting() ? { ...usable, token: usable.token || null } : fresh();
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
    choose(consent, unsent) {
      const before = chosen?.personalization;
      chosen = { ...consent };
      // A grant keeps the seed, so the visit so far is the same visitor; its token was of a
      // kind without consent. A refusal starts somebody who cannot be linked.
      if (lasting()) visitor = before ? visitor : { ...visitor, token: null };
      else if (before !== false && !unsent) visitor = fresh();
      save();
    },
    learn(maker, token) {
      // An answer for an earlier visitor, or for before a login, must not name the present one.
      if (!mine(maker) || visitor.token !== maker.token || visitor.token === token) return;
      visitor = { ...visitor, token };
      save();
    },
    refuse(token) {
      if (visitor.token !== token) return;
      visitor = { ...visitor, token: null };
      save();
    },
    knows: (id) => visitor.known !== undefined && visitor.known !== digest(id),
    name(maker, id, token) {
      if (!mine(maker)) return;
      visitor = { ...visitor, token: token || visitor.token, known: digest(id) };
      save();
    },
    forget() {
      visitor = fresh();
      save();
    },
    adopt(other) {
      chosen = other.consent;
      visitor = lasting() ? other.visitor : fresh();
      save();
    },
  };
}

/** 32 bits of an id: enough to see that it is another one, too few to name anybody. */
function digest(id: string): number {
  let sum = 5381;
  for (let i = 0; i < id.length; i += 1) sum = (sum * 33 + id.charCodeAt(i)) | 0;
  return sum;
}
