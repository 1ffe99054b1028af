import { describe, expect, it } from 'vitest';
import { checkPolicy } from '../../src/pages/access/policy/check';
import type { Kind } from '../../src/pages/access/policy/report';
import {
  opensToAnyone,
  takesTemplate,
  templatesFor,
  withTemplate,
} from '../../src/pages/access/policy/templates';

const scene = { account: '123456789012', region: 'eu-central-1' };

describe.each(Object.keys(templatesFor) as Kind[])('templates of %s', (kind) => {
  it.each(templatesFor[kind])('%s is sound alone and after another', (name) => {
    const first = withTemplate('', name, kind, scene);
    expect(checkPolicy(first, kind)).toEqual([]);
    const second = withTemplate(first, templatesFor[kind][0], kind, scene);
    expect(JSON.parse(second).Statement.length).toBeGreaterThan(JSON.parse(first).Statement.length);
  });
});

it('keeps what is there', () => {
  const text = '{"Version": "2012-10-17", "Id": "x", "Statement": {"Effect": "Deny"}}';
  const added = JSON.parse(withTemplate(text, 'publicPull', 'repository', scene));
  expect(added.Id).toBe('x');
  expect(added.Statement).toHaveLength(2);
  expect(added.Statement[0]).toEqual({ Effect: 'Deny' });
});

it('leaves texts alone that it would spoil', () => {
  expect(takesTemplate('{', 'repository')).toBe(false);
  expect(takesTemplate('[]', 'repository')).toBe(false);
  expect(takesTemplate('{"Id": "a", "Id": "b", "Statement": []}', 'repository')).toBe(false);
  expect(takesTemplate('{"Statement": []}', 'repository')).toBe(true);
});

it('sees what is open to anyone', () => {
  expect(opensToAnyone(withTemplate('', 'publicPull', 'repository', scene))).toBe(true);
  expect(opensToAnyone(withTemplate('', 'denyDelete', 'repository', scene))).toBe(false);
  expect(opensToAnyone('{')).toBe(false);
});
