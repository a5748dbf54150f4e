import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeId } from '../../src/lib/makeId';
import { byteLength } from '../../src/lib/takeBatch';
import { waitBackoff } from '../../src/lib/waitBackoff';
import { safeUrl } from '../../src/render/safeUrl';

test('ids are version 4 UUIDs whatever the bits', () => {
  for (const digit of '0123456789abcdef') {
    const id = makeId({ hex: (bytes) => digit.repeat(bytes * 2) });
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

test('byte lengths are those of UTF-8', () => {
  for (const text of ['', 'abc', 'é', '€', '😀', 'a😀€é'])
    assert.equal(byteLength(text), new TextEncoder().encode(text).length);
});

test('back-off is jittered within half and whole of a doubling, under a ceiling', () => {
  assert.deepEqual([waitBackoff(0, 0, null), waitBackoff(0, 1, null)], [500, 1_000]);
  assert.deepEqual([waitBackoff(3, 0, null), waitBackoff(3, 1, null)], [4_000, 8_000]);
  assert.equal(waitBackoff(99, 1, null), 60_000);
  assert.equal(waitBackoff(0, 0, 9), 9_000);
});

test('links lead to the web and to this site only', () => {
  const base = 'https://www.shop.example/p/1';
  const refused = [
    'javascript:alert(1)',
    ' java\nscript:alert(1)',
    'JAVASCRIPT:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://www.shop.example/1',
    '//evil.example/x',
    'https://evil.example',
    'https://www.shop.example.evil.example/',
    'https://www.shop.example@evil.example/',
    'http://',
    'ftp://www.shop.example/',
    '',
    null,
    undefined,
  ];
  for (const link of refused) assert.equal(safeUrl(link, base), null, String(link));
  const kept: [string, string][] = [
    ['/cart?code=W15', 'https://www.shop.example/cart?code=W15'],
    ['sale', 'https://www.shop.example/p/sale'],
    ['https://shop.example/', 'https://shop.example/'],
    ['https://img.www.shop.example/', 'https://img.www.shop.example/'],
  ];
  for (const [link, href] of kept) assert.equal(safeUrl(link, base), href);
  assert.equal(safeUrl('https://pay.example/x', base, ['pay.example']), 'https://pay.example/x');
});

test("a top-level domain is nobody's site", () => {
  assert.equal(safeUrl('https://com/', 'https://shop.com/'), null);
});
