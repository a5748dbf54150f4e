import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCEPTED, makeStore, makeWorld, settle, status } from './fakePorts';
import { GRANTED, MINUTE_MS, ids, indices, start } from './startTracker';

/** A visitor who was given a token that is refused from now on. */
async function refusedToken() {
  const world = makeWorld();
  const tracker = start(world);
  tracker.track('page_view');
  await settle();
  world.answerWith((post) => Promise.resolve(post.body.visitor_token ? status(401) : ACCEPTED));
  return { world, tracker };
}

test('a refused token gives way to the seed of the same visitor', async () => {
  const { world, tracker } = await refusedToken();
  tracker.track('add_to_cart');
  await world.pass(5_000);
  assert.equal(world.posts[1]!.body.visitor_token, 'tok');
  assert.equal(world.posts[2]!.body.visitor_seed, world.posts[0]!.body.visitor_seed);
  assert.deepEqual(ids(world.posts[2]!.body), ids(world.posts[1]!.body));
});

test('two batches whose token is refused at once both come again by the seed', async () => {
  const { world, tracker } = await refusedToken();
  tracker.track('add_to_cart');
  tracker.track('cart_view');
  assert.deepEqual([1, 2].map((at) => world.posts[at]!.body.visitor_token), ['tok', 'tok']);
  await world.pass(5_000);
  const again = world.posts.slice(3).filter(({ body }) => body.visitor_seed);
  assert.deepEqual(
    again.flatMap(({ body }) => ids(body)).sort(),
    world.posts.slice(1, 3).flatMap(({ body }) => ids(body)).sort(),
  );
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

test('a withdrawal erases storage and starts an unlinkable visitor and session', async () => {
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

const LOGIN = '/v1/identify';
const named = (token: string) => ({
  ...status(200),
  body: JSON.stringify({ visitor_token: token }),
});

test('a retry across a login keeps its key, a new event has the known one', async () => {
  for (const first of ['seed', 'token']) {
    const world = makeWorld();
    const tracker = start(world, GRANTED);
    if (first === 'token') {
      tracker.track('page_view');
      await settle();
    }
    // Durable at the gateway, the answer lost on the way.
    world.answerWith(({ url }) =>
      url.endsWith(LOGIN) ? Promise.resolve(named('known')) : Promise.reject(new Error('lost')),
    );
    tracker.track('add_to_cart');
    await settle();
    const before = world.posts.at(-1)!.body;
    const login = tracker.identify({ id: 'ann' });
    await world.pass(300);
    assert.equal(await login, true);
    // An answer about the time before the login must not name the visitor of now.
    world.answerWith(({ body }) => Promise.resolve(named(body.visitor_token || 'tok')));
    tracker.track('cart_view');
    await world.pass(5_000);
    tracker.track('ask');
    const [again, viewed, asked] = world.posts.slice(-3).map((post) => post.body);
    const who = (body: typeof before) => [body.visitor_token, body.visitor_seed];
    assert.deepEqual([ids(again!), who(again!)], [ids(before), who(before)]);
    assert.deepEqual([viewed!.visitor_token, asked!.visitor_token], ['known', 'known']);
  }
});

test('a known user is retried as the known user after a reset', async () => {
  const world = makeWorld();
  const tracker = start(world, GRANTED);
  world.answerWith(() => Promise.resolve(named('known')));
  await tracker.identify({ id: 'ann' });
  world.answerWith(() => Promise.reject(new Error('lost')));
  tracker.track('add_to_cart');
  await settle();
  tracker.reset();
  world.answerWith(() => Promise.resolve(ACCEPTED));
  await world.pass(5_000);
  assert.equal(world.posts.at(-1)!.body.visitor_token, 'known');
});

test('a login waits for what is in flight, and for 300 ms at most', async () => {
  for (const answered of [true, false]) {
    const world = makeWorld();
    const tracker = start(world, GRANTED);
    let release: () => void = () => undefined;
    world.answerWith(() => new Promise((resolve) => void (release = () => resolve(ACCEPTED))));
    tracker.track('add_to_cart');
    void tracker.identify({ id: 'ann' });
    const logins = () => world.posts.filter((post) => post.url.endsWith(LOGIN));
    await world.pass(299);
    assert.equal(logins().length, 0);
    if (answered) release();
    else await world.pass(1);
    await settle();
    assert.equal(logins().length, 1);
    assert.equal(logins()[0]!.body.visitor_token, answered ? 'tok' : undefined);
  }
});

test('stopped while a login waits, nobody is named', async () => {
  const world = makeWorld();
  const tracker = start(world, GRANTED);
  const login = tracker.identify({ id: 'ann' });
  tracker.stop();
  assert.equal(await login, false);
  assert.equal(world.posts.length, 0);
});
