import { expect, it } from 'vitest';
import { decodePath, encodePath } from '../src/lib/address';

it.each(['/', '/repositories/team/app', '/users/100%', '/a?b', '/a#b', '/%41', '/名前 x', '/a+b@c=d'])(
  'keeps %s',
  (path) => {
    expect(encodePath(path)).not.toMatch(/[?# ]/);
    expect(decodePath(encodePath(path))).toBe(path);
  },
);

it('knows what is no path', () => expect(decodePath('/%E0%A4')).toBeUndefined());
