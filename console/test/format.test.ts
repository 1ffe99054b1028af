import { describe, expect, it } from 'vitest';
import { bytes, relative, shortDigest } from '../src/lib/format';

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1,023 B'],
    [1536, '1.5 KiB'],
    [123456789, '118 MiB'],
    [1.2 * 2 ** 30, '1.2 GiB'],
  ])('writes %d as %s', (size, text) => expect(bytes(size, 'en')).toBe(text));
});

describe('relative', () => {
  const now = Date.UTC(2026, 10, 28);
  it.each([
    [now / 1000 - 5, '5 seconds ago'],
    [now / 1000 - 3 * 3600, '3 hours ago'],
    [now / 1000 - 86400, 'yesterday'],
  ])('writes %d as %s', (at, text) => expect(relative(at, 'en', now)).toBe(text));
  it('speaks Japanese', () => expect(relative(now / 1000 - 7200, 'ja', now)).toBe('2 時間前'));
});

it('shortens digests', () =>
  expect(shortDigest(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('sha256:0123456789ab'));
