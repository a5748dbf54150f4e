import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCEPTED, START_MS, makeWorld, settle, status } from './fakePorts';
import { GRANTED, MINUTE_MS, ids, indices, start } from './startTracker';

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

test('a failed batch goes again with the same ids and order, before newer ones', async () => {
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

test('what a dead page could not send goes with the next one, ids and times kept', async () => {
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
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
  assert.ok(world.beacons.every((beacon) => bytes(beacon) <= 60_000));
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

test('a listener hears every event once, the start of the session first', () => {
  const world = makeWorld();
  const tracker = start(world);
  const heard: string[] = [];
  tracker.onEvent((event) => heard.push(event.type));
  tracker.track('page_view');
  tracker.track('scroll');
  assert.deepEqual(heard, ['session_start', 'page_view', 'scroll']);
  assert.equal(tracker.counts.tracked, 3);
});
