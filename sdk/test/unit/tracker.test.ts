import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTracker } from '../../src/lib/createTracker';
import type { Consent } from '../../src/lib/types';
import { ACCEPTED, START_MS, makeStore, makeWorld, settle, status } from './fakePorts';

const GRANTED: Consent = { analytics: true, personalization: true, marketing: false };
const MINUTE_MS = 60_000;

function start(world: ReturnType<typeof makeWorld>, consent: Consent | null = null) {
  return createTracker(world.ports, {
    site: 'demo',
    endpoint: 'http://gateway.example',
    path: '/v1/events',
    consent,
    common: () => ({}),
  });
}

const ids = (batch: { events: { event_id: string }[] }) => batch.events.map((e) => e.event_id);
const indices = (posts: { body: { events: { session_index: number }[] } }[]) =>
  posts.flatMap((p) => p.body.events.map((e) => e.session_index));

test('a decision point is handed to the network before track returns', () => {
  const world = makeWorld();
  start(world).track('page_view');
  assert.deepEqual(
    world.posts[0]!.body.events.map((e) => e.type),
    ['session_start', 'page_view'],
  );
  assert.equal(world.posts[0]!.keepalive, true);
});

test('telemetry leaves in one batch after two seconds', async () => {
  const world = makeWorld();
  const tracker = start(world);
  tracker.track('scroll');
  tracker.track('hover');
  await world.pass(1_900);
  assert.equal(world.posts.length, 0);
  await world.pass(200);
  assert.equal(world.posts.length, 1);
});

test('waiting telemetry travels in front of a decision point, in the order of its indices', () => {
  const world = makeWorld();
  const tracker = start(world);
  tracker.track('scroll');
  tracker.track('add_to_cart');
  assert.deepEqual(indices(world.posts), [1, 2, 3]);
});

test('a failed batch is sent again with the same ids in the same order, in front of newer ones', async () => {
  const world = makeWorld();
  const tracker = start(world);
  world.answerWith(() => Promise.reject(new Error('offline')));
  tracker.track('page_view');
  await settle();
  tracker.track('add_to_cart');
  assert.equal(world.posts.length, 1, 'nothing is sent while the failure is waited out');
  world.answerWith(() => Promise.resolve(ACCEPTED));
  await world.pass(5_000);
  assert.deepEqual(ids(world.posts[1]!.body).slice(0, 2), ids(world.posts[0]!.body));
  assert.deepEqual(indices(world.posts.slice(1)), [1, 2, 3]);
  await world.pass(60 * MINUTE_MS);
  assert.equal(world.posts.length, 2, 'what was acked is not sent a third time');
});

test('503 and 429 wait as long as the server asked, growing from try to try', async () => {
  for (const code of [503, 429]) {
    const world = makeWorld();
    world.answerWith(() => Promise.resolve(status(code, 7)));
    start(world).track('page_view');
    await world.pass(6_900);
    assert.equal(world.posts.length, 1);
    await world.pass(1_000);
    assert.equal(world.posts.length, 2);
  }
});

test('back-off grows and has a ceiling', async () => {
  const world = makeWorld();
  world.answerWith(() => Promise.resolve(status(500)));
  start(world).track('page_view');
  await world.pass(30 * MINUTE_MS);
  const gaps = world.posts.slice(1).map((p, i) => p.at_ms - world.posts[i]!.at_ms);
  assert.ok(gaps[0]! < gaps[2]! && gaps[2]! < gaps[4]!, String(gaps));
  assert.ok(Math.max(...gaps) <= 61_000);
});

test('a batch the gateway finds nothing good in is not sent again', async () => {
  const world = makeWorld();
  world.answerWith(() => Promise.resolve(status(400)));
  const tracker = start(world);
  tracker.track('page_view');
  await world.pass(10 * MINUTE_MS);
  assert.equal(world.posts.length, 1);
  assert.equal(tracker.counts.rejected, 2);
});

test('413 is answered by halves', async () => {
  const world = makeWorld();
  world.answerWith((post) =>
    Promise.resolve(post.body.events.length > 1 ? status(413) : ACCEPTED),
  );
  start(world).track('page_view');
  await settle();
  assert.deepEqual(
    world.posts.map((p) => p.body.events.length),
    [2, 1, 1],
  );
});

test('a refused token gives way to the seed of the same visitor', async () => {
  const world = makeWorld();
  const tracker = start(world);
  tracker.track('page_view');
  await settle();
  world.answerWith((post) => Promise.resolve(post.body.visitor_token ? status(401) : ACCEPTED));
  tracker.track('add_to_cart');
  await world.pass(5_000);
  assert.equal(world.posts[1]!.body.visitor_token, 'tok');
  assert.equal(world.posts[2]!.body.visitor_seed, world.posts[0]!.body.visitor_seed);
  assert.deepEqual(ids(world.posts[2]!.body), ids(world.posts[1]!.body));
});

test('the seed is sent until a token came back, then the token', async () => {
  const world = makeWorld();
  const tracker = start(world);
  tracker.track('page_view');
  await settle();
  tracker.track('add_to_cart');
  assert.match(world.posts[0]!.body.visitor_seed!, /^[0-9a-f]{32}$/);
  assert.equal(world.posts[0]!.body.visitor_token, undefined);
  assert.equal(world.posts[1]!.body.visitor_token, 'tok');
  assert.equal(world.posts[1]!.body.visitor_seed, undefined);
});

test('absent consent is sent as absent', () => {
  const world = makeWorld();
  start(world).track('page_view');
  assert.equal('consent' in world.posts[0]!.body, false);
});

test('without personalization consent local storage stays empty', async () => {
  for (const consent of [null, { analytics: true, personalization: false }]) {
    const world = makeWorld();
    world.answerWith(() => Promise.resolve(status(503)));
    const tracker = start(world, consent);
    tracker.track('page_view');
    await settle();
    assert.deepEqual(world.local.keys(), []);
  }
});

test('with consent the visitor comes back as the same one', async () => {
  const world = makeWorld();
  start(world, GRANTED).track('page_view');
  await settle();
  const later = makeWorld({ local: world.local });
  start(later).track('page_view');
  assert.equal(later.posts[0]!.body.visitor_token, 'tok');
  assert.deepEqual(later.posts[0]!.body.consent, GRANTED);
});

test('a withdrawal erases storage and starts a visitor and session that cannot be linked', async () => {
  const world = makeWorld();
  const tracker = start(world, GRANTED);
  tracker.track('page_view');
  await settle();
  tracker.consent({ analytics: false, personalization: false, marketing: false });
  await settle();
  const [before, after] = [world.posts[0]!.body, world.posts.at(-1)!.body];
  assert.deepEqual(world.local.keys(), []);
  assert.notEqual(after.visitor_seed, before.visitor_seed);
  assert.equal(after.visitor_token, undefined);
  assert.notEqual(after.session_id, before.session_id);
});

test('a grant keeps the seed, so the visit so far belongs to the same visitor', async () => {
  const world = makeWorld();
  const tracker = start(world);
  tracker.track('page_view');
  await settle();
  tracker.consent(GRANTED);
  const [before, after] = [world.posts[0]!.body, world.posts.at(-1)!.body];
  assert.equal(after.visitor_seed, before.visitor_seed);
  assert.equal(after.session_id, before.session_id);
});

test('events keep the consent of the moment they were made in', async () => {
  const world = makeWorld();
  world.answerWith(() => Promise.reject(new Error('offline')));
  const tracker = start(world);
  tracker.track('page_view');
  await settle();
  tracker.consent(GRANTED);
  world.answerWith(() => Promise.resolve(ACCEPTED));
  await world.pass(5_000);
  assert.deepEqual(
    world.posts.slice(1).map((p) => p.body.consent),
    [undefined, GRANTED],
  );
});

test('a token of before a grant never names the visitor of after it', async () => {
  const world = makeWorld();
  let release: () => void = () => undefined;
  world.answerWith(() => new Promise((resolve) => void (release = () => resolve(ACCEPTED))));
  const tracker = start(world);
  tracker.track('page_view');
  const early = release;
  tracker.consent(GRANTED);
  early();
  await settle();
  tracker.track('add_to_cart');
  assert.equal(world.posts.at(-1)!.body.visitor_token, undefined);
});

test('the index grows by one per event and outlives a page of the same tab', async () => {
  const world = makeWorld();
  const first = start(world);
  first.track('page_view');
  first.track('page_leave');
  first.unload();
  const next = makeWorld({ tab: world.tab, local: world.local });
  start(next).track('page_view');
  assert.deepEqual(
    world.beacons.flatMap((b) => b.events.map((e) => e.session_index)),
    [3],
  );
  assert.deepEqual(indices(next.posts), [4]);
  assert.equal(next.posts[0]!.body.tab_id, world.posts[0]!.body.tab_id);
});

test('a duplicated tab gets its own tab id and indices from one', () => {
  const world = makeWorld();
  start(world).track('page_view');
  const copy = makeStore();
  for (const key of world.tab.keys()) copy.set(key, world.tab.get(key)!);
  const twin = makeWorld({ tab: copy });
  start(twin).track('page_view');
  assert.notEqual(twin.posts[0]!.body.tab_id, world.posts[0]!.body.tab_id);
  assert.equal(indices(twin.posts)[0], 1);
});

test('a session ends after 30 idle minutes, and indices start again with it', async () => {
  const world = makeWorld();
  const tracker = start(world);
  tracker.track('page_view');
  await world.pass(29 * MINUTE_MS);
  tracker.track('cart_view');
  await world.pass(31 * MINUTE_MS);
  tracker.track('page_view');
  const [a, b, c] = world.posts.map((p) => p.body);
  assert.equal(a!.session_id, b!.session_id);
  assert.notEqual(b!.session_id, c!.session_id);
  assert.deepEqual(
    c!.events.map((e) => [e.type, e.session_index]),
    [
      ['session_start', 1],
      ['page_view', 2],
    ],
  );
});

test('a session ends after 24 hours however busy it is', async () => {
  const world = makeWorld();
  const tracker = start(world);
  for (let i = 0; i < 74; i += 1) {
    tracker.track('page_view');
    await world.pass(20 * MINUTE_MS);
  }
  assert.equal(new Set(world.posts.map((p) => p.body.session_id)).size, 2);
});

test('the queue holds 500 events and drops the oldest', async () => {
  const world = makeWorld();
  world.answerWith(() => Promise.reject(new Error('offline')));
  const tracker = start(world);
  tracker.track('page_view');
  await settle();
  for (let i = 0; i < 600; i += 1) tracker.track('scroll');
  assert.equal(tracker.counts.dropped, 102);
  world.answerWith(() => Promise.resolve(ACCEPTED));
  tracker.online();
  const sent = indices(world.posts.slice(1));
  assert.deepEqual([sent.length, sent[0], sent.at(-1)], [500, 103, 602]);
  assert.ok(world.posts.slice(1).every((p) => p.body.events.length <= 100));
});

test('what a dead page could not send is sent by the next one, with its ids and original times', async () => {
  const world = makeWorld();
  world.answerWith(() => new Promise(() => undefined));
  start(world, GRANTED).track('page_view');
  const next = makeWorld({ local: world.local });
  await next.pass(10 * MINUTE_MS);
  start(next).track('page_view');
  assert.deepEqual(ids(next.posts[0]!.body), ids(world.posts[0]!.body));
  assert.equal(next.posts[0]!.body.events[0]!.ts, START_MS);
});

test('what is older than 24 hours is not sent any more', async () => {
  const world = makeWorld();
  world.answerWith(() => new Promise(() => undefined));
  start(world, GRANTED).track('page_view');
  const next = makeWorld({ local: world.local });
  await next.pass(25 * 60 * MINUTE_MS);
  start(next).track('page_view');
  assert.equal(next.posts.length, 1);
});

test('beacons stay under 60 KB, and what one refuses stays queued', async () => {
  const world = makeWorld();
  world.limitBeacons(2);
  const tracker = start(world, GRANTED);
  for (let i = 0; i < 90; i += 1)
    tracker.track('scroll', { properties: { text: 'é'.repeat(1_000) } });
  tracker.unload();
  assert.equal(world.beacons.length, 2);
  assert.ok(world.beacons.every((b) => Buffer.byteLength(JSON.stringify(b)) <= 60_000));
  assert.match(world.local.get('kairos.q.' + world.beacons[0]!.tab_id)!, /"scroll"/);
});

test('keepalive bodies in flight stay under the limit of the browser', () => {
  const world = makeWorld();
  world.answerWith(() => new Promise(() => undefined));
  const tracker = start(world);
  for (let i = 0; i < 3; i += 1)
    tracker.track('ask', { properties: { text: 'x'.repeat(25_000) } });
  assert.deepEqual(
    world.posts.map((p) => p.keepalive),
    [true, true, false],
  );
});

test('half of an emoji does not spoil a batch', () => {
  const world = makeWorld();
  start(world).track('search', { properties: { query: 'a\ud83d' } });
  const tracker = start(makeWorld());
  assert.ok(tracker.counts);
  world.ports.later(() => undefined, 0);
  return world.pass(2_100).then(() => {
    const said = world.posts[0]!.body.events[1] as unknown as { properties: { query: string } };
    const wellFormed = typeof ('' as { toWellFormed?: unknown }).toWellFormed === 'function';
    assert.equal(said.properties.query, wellFormed ? 'a\ufffd' : 'a\ud83d');
  });
});
