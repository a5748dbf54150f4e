import type { Ports } from './ports';
import { readJson } from './readJson';

const IDLE_MS = 30 * 60_000;
const LONGEST_MS = 24 * 3_600_000;
const SESSION = 'kairos.s';
const TAB = 'kairos.t';

interface Session {
  id: string;
  started_ms: number;
  seen_ms: number;
}

interface Tab {
  id: string;
  session: string;
  index: number;
  /** Set while a page holds this tab id; found set at a start, the tab is a duplicate. */
  held: boolean;
}

export interface Place {
  session_id: string;
  tab_id: string;
  session_index: number;
}

export interface SessionKeeper {
  /** True once for each session that starts here. */
  begins(): boolean;
  /** Counts one event: a live session (30 minutes idle, 24 hours at most) and index + 1. */
  next(): Place;
  /** Where the next event would go, without counting it. */
  peek(): { session_id: string; tab_id: string };
  release(): void;
  hold(): void;
  /** Moves the session to the storage that consent now allows, keeping its id. */
  move(): void;
  restart(): void;
}

/** Sessions are shared by tabs where storage is allowed; indices belong to one tab. */
export function keepSession(ports: Ports, lasting: () => boolean): SessionKeeper {
  const store = () => (lasting() ? ports.local : ports.tab);
  // A page that starts with a refusal keeps nothing of the visits before it.
  if (!lasting()) ports.local.remove(SESSION);
  let session: Session | null = readJson<Session>(store().get(SESSION));
  let announced = session !== null;
  let tab: Tab = readJson<Tab>(ports.tab.get(TAB)) || newTab();
  if (tab.held) tab = newTab();
  tab.held = true;
  saveTab();

  function newTab(): Tab {
    return { id: 't-' + ports.hex(6), session: '', index: 0, held: true };
  }
  function saveTab() {
    ports.tab.set(TAB, JSON.stringify(tab));
  }
  function live(): Session {
    const now = ports.now();
    const known = (lasting() && readJson<Session>(ports.local.get(SESSION))) || session;
    if (known && now - known.seen_ms < IDLE_MS && now - known.started_ms < LONGEST_MS) {
      if (session?.id !== known.id) announced = true;
      session = known;
    } else {
      session = { id: 's-' + ports.hex(10), started_ms: now, seen_ms: now };
      announced = false;
      saveSession();
    }
    if (tab.session !== session.id) tab = { ...tab, session: session.id, index: 0 };
    return session;
  }
  function saveSession() {
    store().set(SESSION, JSON.stringify(session));
  }
  return {
    begins() {
      live();
      const fresh = !announced;
      announced = true;
      return fresh;
    },
    next() {
      const { id } = (session = { ...live(), seen_ms: ports.now() });
      tab.index += 1;
      saveSession();
      saveTab();
      return { session_id: id, tab_id: tab.id, session_index: tab.index };
    },
    peek() {
      return { session_id: live().id, tab_id: tab.id };
    },
    release() {
      tab.held = false;
      saveTab();
    },
    hold() {
      tab.held = true;
      saveTab();
    },
    move() {
      ports.tab.remove(SESSION);
      ports.local.remove(SESSION);
      if (session) saveSession();
    },
    restart() {
      session = null;
      ports.local.remove(SESSION);
      ports.tab.remove(SESSION);
    },
  };
}
