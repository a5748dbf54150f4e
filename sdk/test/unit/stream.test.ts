import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitDecision } from '../../src/lib/admitDecision';
import type { Admitted } from '../../src/lib/admitDecision';
import { createTracker } from '../../src/lib/createTracker';
import type { Decision } from '../../src/lib/types';
import { ACCEPTED, makeWorld, settle } from './fakePorts';

function start(world: ReturnType<typeof makeWorld>) {
  const heard: Admitted[] = [];
  const cancelled: string[] = [];
  const tracker = createTracker(world.ports, {
    site: 'demo',
    endpoint: 'http://gateway.example',
    path: '/v1/events',
    consent: null,
    common: () => ({}),
  });
  tracker.onAdmitted((admitted) => heard.push(admitted));
  tracker.onCancel((slot_id) => cancelled.push(slot_id));
  tracker.connect();
  return { tracker, heard, cancelled };
}

async function greeted(world: ReturnType<typeof makeWorld>) {
  const started = start(world);
  started.tracker.track('page_view');
  world.sockets[0]!.events.open();
  await settle();
  return started;
}

const decision = (slot_id: string, extra: Partial<Decision> = {}): Decision => ({
  type: 'decision',
  slot_id,
  decision_id: 'd_' + slot_id,
  source: 'model',
  ttl_ms: 30_000,
  action_type: 'discount_popup',
  render: { kind: 'modal', title: 'Hello' },
  ...extra,
});

const push = (
  world: ReturnType<typeof makeWorld>,
  frame: object,
  socket = world.sockets.length - 1,
) => world.sockets[socket]!.events.message(JSON.stringify(frame));

test('hello waits for the token and carries site, session, tab and position', async () => {
  const world = makeWorld();
  const { tracker } = start(world);
  world.sockets[0]!.events.open();
  assert.deepEqual(world.sockets[0]!.sent, []);
  tracker.track('page_view');
  await settle();
  const { session_id, tab_id } = world.posts[0]!.body;
  assert.equal(world.sockets[0]!.url, 'ws://gateway.example/v1/stream');
  assert.deepEqual(world.sockets[0]!.sent, [
    {
      type: 'hello',
      site: 'demo',
      visitor_token: 'tok',
      session_id,
      tab_id,
      last_seq: 0,
      epoch: null,
    },
  ]);
});

test('a lost socket is opened again, later each time, resuming by epoch and sequence', async () => {
  const world = makeWorld();
  await greeted(world);
  push(world, { type: 'welcome', epoch: 9, resumed: false });
  push(world, decision('s_1', { seq: 7 }));
  world.sockets[0]!.events.close(1006);
  await world.pass(1_000);
  world.sockets[1]!.events.open();
  assert.deepEqual(
    [world.sockets[1]!.sent[0]!.last_seq, world.sockets[1]!.sent[0]!.epoch],
    [7, 9],
  );
  world.sockets[1]!.events.close(1006);
  await world.pass(350);
  assert.equal(world.sockets.length, 2);
  await world.pass(2_000);
  assert.equal(world.sockets.length, 3);
});

test('another epoch starts counting from nothing', async () => {
  const world = makeWorld();
  await greeted(world);
  push(world, { type: 'welcome', epoch: 9 });
  push(world, decision('s_1', { seq: 7 }));
  push(world, { type: 'welcome', epoch: 10 });
  world.sockets[0]!.events.close(1012);
  await world.pass(3_000);
  world.sockets[1]!.events.open();
  assert.equal(world.sockets[1]!.sent[0]!.last_seq, 0);
});

test('a position is that of the newest epoch any frame told', async () => {
  const cancel = (extra: object) => ({ type: 'cancel', slot_id: 's_9', ...extra });
  const cases: [object[], unknown[]][] = [
    [[decision('s_2', { seq: 2, epoch: 10 })], [2, 10]],
    [[cancel({ seq: 3, epoch: 10 })], [0, 10]],
    [[decision('s_2', { seq: 8, epoch: 9 }), decision('s_3', { seq: 0, epoch: 9 })], [8, 9]],
    // Its action is still to come: were the line cut between them, it would be lost.
    [[cancel({ seq: 8, epoch: 9 })], [7, 9]],
  ];
  for (const [frames, position] of cases) {
    const world = makeWorld();
    await greeted(world);
    push(world, { type: 'welcome', epoch: 9 });
    push(world, decision('s_1', { seq: 7, epoch: 9 }));
    for (const frame of frames) push(world, frame);
    world.sockets[0]!.events.close(1006);
    await world.pass(1_000);
    world.sockets[1]!.events.open();
    const { last_seq, epoch } = world.sockets[1]!.sent[0]!;
    assert.deepEqual([last_seq, epoch], position);
  }
});

test('a gateway that goes away says when to come back', async () => {
  for (const after_ms of [0, 1_700]) {
    const world = makeWorld();
    await greeted(world);
    push(world, { type: 'reconnect', after_ms });
    world.sockets[0]!.events.close(1012);
    if (after_ms) {
      await world.pass(after_ms - 1);
      assert.equal(world.sockets.length, 1);
    }
    await world.pass(1);
    assert.equal(world.sockets.length, 2);
    // Said once, it holds once.
    world.sockets[1]!.events.close(1006);
    await world.pass(50);
    assert.equal(world.sockets.length, 2);
  }
});

test('after 4001 the socket stays closed until another token came', async () => {
  const world = makeWorld();
  const { tracker } = await greeted(world);
  world.sockets[0]!.events.close(4001);
  await world.pass(600_000);
  assert.equal(world.sockets.length, 1);
  world.answerWith(() => Promise.resolve({ ...ACCEPTED, body: '{"visitor_token":"new"}' }));
  tracker.track('page_view');
  await settle();
  world.sockets[1]!.events.open();
  assert.equal(world.posts.at(-1)!.body.visitor_token, undefined);
  assert.equal(world.sockets[1]!.sent[0]!.visitor_token, 'new');
});

test('after an end that no return will change the socket stays closed', async () => {
  // docs/edge.md, table of ends: what says "never" and can come, and what says come back.
  const ends = { 4000: 1, 4003: 1, 4004: 1, 1006: 2, 1012: 2, 4008: 2, 4029: 2 };
  for (const [code, sockets] of Object.entries(ends)) {
    const world = makeWorld();
    await greeted(world);
    world.sockets[0]!.events.close(Number(code));
    await world.pass(600_000);
    assert.equal(world.sockets.length, sockets, code);
  }
});

test('too much is followed by a longer wait than a break', async () => {
  const waited = [];
  for (const code of [1006, 4029]) {
    const world = makeWorld();
    await greeted(world);
    world.sockets[0]!.events.close(code);
    let wait_ms = 0;
    for (; world.sockets.length < 2; wait_ms += 100) await world.pass(100);
    waited.push(wait_ms);
  }
  assert.deepEqual(waited, [300, 4_800]);
});

test('a gateway that promised heartbeats and falls silent is left', async () => {
  const world = makeWorld();
  await greeted(world);
  push(world, { type: 'welcome', epoch: 1, heartbeat_s: 20 });
  await world.pass(40_000);
  push(world, { type: 'ping' });
  await world.pass(40_000);
  assert.equal(world.sockets.length, 1);
  await world.pass(10_000);
  assert.equal(world.sockets.length, 2);
  assert.equal(world.sockets[0]!.closed, true);
});

test('a ping is answered', async () => {
  const world = makeWorld();
  await greeted(world);
  push(world, { type: 'ping' });
  assert.deepEqual(world.sockets[0]!.sent.at(-1), { type: 'pong' });
});

test('the first decision of a slot wins, from whichever carrier', async () => {
  const world = makeWorld();
  const { tracker, heard } = await greeted(world);
  push(world, decision('s_1', { source: 'fallback' }));
  push(world, decision('s_1'));
  world.answerWith(() =>
    Promise.resolve({ ...ACCEPTED, body: JSON.stringify({ decision: decision('s_1') }) }),
  );
  tracker.track('ask');
  await settle();
  assert.deepEqual(
    heard.map((a) => a.decision.source),
    ['fallback'],
  );
});

test('a slot shown on one page is not shown again on the next', async () => {
  const world = makeWorld();
  const { tracker } = await greeted(world);
  tracker.gate.shown('s_1');
  const next = makeWorld({ tab: world.tab });
  const { heard } = await greeted(next);
  push(next, decision('s_1'));
  assert.deepEqual(heard, []);
});

test('time to live counts from arrival, whatever the clocks say', async () => {
  const world = makeWorld();
  const { tracker, heard } = await greeted(world);
  push(world, decision('s_1', { ttl_ms: 1_000 }));
  await world.pass(999);
  assert.equal(tracker.gate.expired(heard[0]!), false);
  await world.pass(1);
  assert.equal(tracker.gate.expired(heard[0]!), true);
  push(world, decision('s_2', { ttl_ms: 0 }));
  assert.equal(heard.length, 1);
});

test('a cancel is told, and stops a decision that comes after it', async () => {
  const world = makeWorld();
  const { heard, cancelled } = await greeted(world);
  push(world, { type: 'cancel', slot_id: 's_1' });
  push(world, decision('s_1'));
  assert.deepEqual(cancelled, ['s_1']);
  assert.deepEqual(heard, []);
});

test('cancels are remembered within a bound', () => {
  const gate = admitDecision(makeWorld().ports);
  for (let i = 0; i < 100; i += 1) gate.cancel('s_' + i);
  assert.deepEqual([gate.cancelled('s_0'), gate.cancelled('s_99')], [false, true]);
});

test('rubbish on the socket is ignored', async () => {
  const world = makeWorld();
  const { heard } = await greeted(world);
  for (const text of ['', '{', 'null', '[]', '7', '{"type":"decision"}'])
    world.sockets[0]!.events.message(text);
  assert.deepEqual(heard, []);
});

test('while sockets fail, posts ask for the decision in the answer', async () => {
  const world = makeWorld();
  const { tracker, heard } = start(world);
  for (let i = 0; i < 2; i += 1) {
    world.sockets.at(-1)!.events.close(1006);
    await world.pass(5_000);
  }
  world.answerWith(() =>
    Promise.resolve({ ...ACCEPTED, body: JSON.stringify({ decision: decision('s_1') }) }),
  );
  tracker.track('page_view');
  await settle();
  assert.match(world.posts[0]!.url, /\?wait=300$/);
  assert.equal(heard.length, 1);
});

test('a timing names the event that asked and its way through the client', async () => {
  const world = makeWorld();
  const { tracker, heard } = await greeted(world);
  await world.pass(30);
  push(world, decision('s_1'));
  const timing = tracker.timing(heard[0]!, world.ports.now() + 16);
  const asked = world.posts[0]!.body.events[1]!;
  assert.equal(timing.event_id, asked.event_id);
  assert.deepEqual(
    [timing.received_ms - timing.t0_ms, timing.painted_ms - timing.received_ms],
    [30, 16],
  );
});
