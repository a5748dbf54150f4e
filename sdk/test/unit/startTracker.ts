import { createTracker } from '../../src/lib/createTracker';
import type { Consent } from '../../src/lib/types';
import type { makeWorld, Post } from './fakePorts';

export function start(world: ReturnType<typeof makeWorld>, consent: Consent | null = null) {
  return createTracker(world.ports, {
    site: 'demo',
    endpoint: 'http://gateway.example',
    path: '/v1/events',
    consent,
    common: () => ({}),
  });
}

export const ids = (batch: { events: { event_id: string }[] }) =>
  batch.events.map((e) => e.event_id);

export const indices = (posts: Pick<Post, 'body'>[]) =>
  posts.flatMap((p) => p.body.events.map((e) => e.session_index));

export const GRANTED: Consent = { analytics: true, personalization: true, marketing: false };
export const MINUTE_MS = 60_000;
