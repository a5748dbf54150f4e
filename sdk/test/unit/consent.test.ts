import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTracker } from '../../src/lib/createTracker';
import { START_MS, makeWorld, settle, status } from './fakePorts';
import { GRANTED, MINUTE_MS, start } from './startTracker';

const REFUSED = { analytics: false, personalization: false, marketing: false };

function undecided(
  world: ReturnType<typeof makeWorld>,
  until: 'pending' | 'off',
  opted_out = false,
) {
  const endpoint = 'http://gateway.example';
  const options = { site: 'demo', endpoint, path: '/v1/events', consent: null };
  return createTracker(world.ports, { ...options, until, opted_out, common: () => ({}) });
}

const times = (world: ReturnType<typeof makeWorld>) =>
  world.posts.flatMap((post) => post.body.events.map((event) => [event.type, event.ts]));

test('SDK-4: events before a grant leave with it, at their own times and under it', async () => {
  const world = makeWorld();
  const tracker = undecided(world, 'pending');
  tracker.connect();
  tracker.track('page_view');
  await world.pass(MINUTE_MS);
  tracker.track('add_to_cart');
  await world.pass(MINUTE_MS);
  assert.equal(world.posts.length + world.sockets.length + world.beacons.length, 0);
  assert.deepEqual(world.local.keys(), []);
  tracker.consent(GRANTED);
  await settle();
  assert.deepEqual(times(world).slice(0, 3), [
    ['session_start', START_MS],
    ['page_view', START_MS],
    ['add_to_cart', START_MS + MINUTE_MS],
  ]);
  assert.ok(world.posts.every((post) => post.body.consent?.personalization));
  assert.equal(new Set(world.posts.map((post) => post.body.visitor_seed)).size, 1);
});

test('SDK-4: after a refusal nothing of the time before it is kept or sent', async () => {
  const world = makeWorld();
  const tracker = undecided(world, 'pending');
  tracker.track('page_view');
  tracker.track('search', { properties: { query: 'secret' } });
  tracker.consent(REFUSED);
  await world.pass(MINUTE_MS);
  tracker.track('ask');
  await settle();
  const sent = times(world).map(([type]) => type);
  assert.deepEqual(sent, ['session_start', 'consent', 'ask']);
  assert.deepEqual(world.local.keys(), []);
});

test('SDK-4: a page left without a choice tells nobody', async () => {
  const world = makeWorld();
  const tracker = undecided(world, 'pending');
  tracker.track('page_view');
  tracker.online();
  tracker.unload();
  await world.pass(MINUTE_MS);
  assert.equal(world.posts.length + world.beacons.length + world.sockets.length, 0);
});

test('before a choice nobody is named, and the next person gives nothing of the last', async () => {
  const world = makeWorld();
  const tracker = undecided(world, 'pending');
  tracker.track('search', { properties: { query: 'secret' } });
  assert.equal(await tracker.identify({ id: 'ann' }), false);
  tracker.reset();
  await world.pass(MINUTE_MS);
  assert.equal(world.posts.length + world.sockets.length, 0);
  tracker.consent(GRANTED);
  await settle();
  assert.deepEqual(
    times(world).map(([type]) => type),
    ['session_start', 'consent'],
  );
});

test('switched off, no event is made; a grant begins with the next one', async () => {
  const world = makeWorld();
  const tracker = undecided(world, 'off');
  tracker.track('page_view');
  assert.equal(tracker.counts.tracked, 0);
  tracker.consent(GRANTED);
  await settle();
  assert.deepEqual(
    times(world).map(([type]) => type),
    ['session_start', 'consent'],
  );
});

test('the global privacy signal is a refusal where nobody said anything', async () => {
  const world = makeWorld();
  const tracker = createTracker(world.ports, {
    ...{ site: 'demo', endpoint: 'http://gateway.example', path: '/v1/events', consent: null },
    opted_out: true,
    common: () => ({}),
  });
  tracker.track('page_view');
  await settle();
  assert.deepEqual(world.posts[0]!.body.consent, REFUSED);
  tracker.consent(GRANTED);
  await settle();
  const known = makeWorld({ local: world.local });
  createTracker(known.ports, {
    ...{ site: 'demo', endpoint: 'http://gateway.example', path: '/v1/events', consent: null },
    opted_out: true,
    common: () => ({}),
  }).track('page_view');
  assert.deepEqual(known.posts[0]!.body.consent, GRANTED);
});

test('SDK-7: a second known user on one device is a new visitor', async () => {
  const world = makeWorld();
  const tracker = start(world, GRANTED);
  tracker.track('page_view');
  await settle();
  const seed = world.posts[0]!.body.visitor_seed;
  world.answerWith(() => Promise.resolve({ ...status(200), body: '{}' }));
  assert.equal(await tracker.identify({ id: 'ann', signature: 'x' }), true);
  await tracker.identify({ id: 'ann', signature: 'x' });
  const asked = world.posts.filter((post) => post.url.endsWith('/v1/identify'));
  assert.equal(asked[1]!.body.session_id, asked[0]!.body.session_id);
  await tracker.identify({ id: 'bob', signature: 'y' });
  const bobs = world.posts.filter((post) => post.url.endsWith('/v1/identify'))[2]!;
  assert.notEqual(bobs.body.session_id, asked[0]!.body.session_id);
  assert.equal(bobs.body.visitor_token, undefined);
  tracker.track('page_view');
  await settle();
  const after = world.posts[world.posts.length - 1]!.body;
  assert.match(after.visitor_seed!, /^[0-9a-f]{32}$/);
  assert.notEqual(after.visitor_seed, seed);
});

test('SDK-7: a known user is still known on the next page', async () => {
  const world = makeWorld();
  const tracker = start(world, GRANTED);
  await tracker.identify({ id: 'ann' });
  const later = makeWorld({ local: world.local });
  const next = start(later);
  next.track('page_view');
  await settle();
  await next.identify({ id: 'bob' });
  assert.notEqual(later.posts[1]!.body.session_id, later.posts[0]!.body.session_id);
});

test('a refusal in one tab holds in all, and a grant makes them one visitor', async () => {
  const [here, there] = [makeWorld(), makeWorld()];
  const one = start(here);
  const two = start(there);
  one.onChange((change) => two.follow(JSON.parse(JSON.stringify(change))));
  one.consent(GRANTED);
  one.track('page_view');
  two.track('page_view');
  await settle();
  const last = (world: typeof here) => world.posts[world.posts.length - 1]!.body;
  assert.equal(last(there).consent?.personalization, true);
  assert.equal(last(there).visitor_seed, here.posts[0]!.body.visitor_seed);
  one.consent(REFUSED);
  two.track('ask');
  await settle();
  assert.deepEqual(last(there).consent, REFUSED);
  assert.notEqual(last(there).visitor_seed, here.posts[0]!.body.visitor_seed);
  assert.deepEqual(there.local.keys(), []);
});

test('stopped, nothing is made, sent, admitted or held open, what shows is gone', async () => {
  const world = makeWorld();
  const tracker = start(world, GRANTED);
  tracker.track('page_view');
  await settle();
  tracker.connect();
  const withdrawn: string[] = [];
  tracker.onCancel((slot_id) => withdrawn.push(slot_id));
  const posts = world.posts.length;
  tracker.stop();
  tracker.track('add_to_cart');
  tracker.unload();
  await world.pass(MINUTE_MS);
  assert.equal(world.posts.length + world.beacons.length, posts);
  assert.deepEqual(withdrawn, ['']);
  tracker.consent(REFUSED);
  await world.pass(MINUTE_MS);
  assert.equal(world.posts.length + world.beacons.length, posts);
  assert.deepEqual(world.local.keys(), []);
  assert.ok(world.sockets.every((socket) => socket.closed));
  const decision = { type: 'decision', slot_id: 's', decision_id: 'd', ttl_ms: 9 } as const;
  assert.equal(tracker.gate.admit({ ...decision, source: 'model', action_type: '' }), null);
});

test('an answer that comes after the stop opens no socket', async () => {
  const world = makeWorld();
  const tracker = start(world, GRANTED);
  tracker.track('page_view');
  tracker.stop();
  await world.pass(MINUTE_MS);
  assert.equal(world.posts.length, 1);
  assert.equal(world.sockets.length, 0);
});

test('what became of the last events can be looked at', async () => {
  const world = makeWorld();
  const tracker = start(world);
  world.answerWith(() =>
    Promise.resolve({
      ...status(202),
      body: JSON.stringify({
        accepted: 1,
        rejected: [{ index: 1, field: 'value', error: 'no money' }],
        reason: 'cap_day',
      }),
    }),
  );
  tracker.track('page_view');
  tracker.track('scroll');
  await settle();
  const { recent, last, waiting } = tracker.look();
  assert.deepEqual(
    recent.map((item) => [item.event.type, item.verdict]),
    [
      ['session_start', 'accepted'],
      ['page_view', 'rejected: value no money'],
      ['scroll', undefined],
    ],
  );
  assert.deepEqual(last, { type: 'none', reason: 'cap_day' });
  assert.equal(waiting, 1);
});

test('only a decision point without a socket asks for its answer at once', async () => {
  const world = makeWorld();
  const tracker = start(world);
  tracker.track('page_view');
  await world.pass(1);
  tracker.track('click');
  await world.pass(1);
  world.sockets[0]!.events.open();
  world.sockets[0]!.events.message('{"type":"welcome"}');
  tracker.track('add_to_cart');
  await settle();
  assert.deepEqual(
    world.posts.map((post) => /\?wait=/.test(post.url)),
    [true, false, false],
  );
});
