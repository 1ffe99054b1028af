import { describe, expect, it } from 'vitest';
import { callOf } from '../src/pages/insight/auditRecord';
import { everyDay } from '../src/pages/insight/days';

it('fills the days on which nothing happened', () => {
  const days = everyDay([{ Day: '2026-11-27', Pushes: 2, Pulls: 3 }], 3, new Date('2026-11-28T10:00:00Z'));
  expect(days).toEqual([
    { Day: '2026-11-26', Pushes: 0, Pulls: 0 },
    { Day: '2026-11-27', Pushes: 2, Pulls: 3 },
    { Day: '2026-11-28', Pushes: 0, Pulls: 0 },
  ]);
});

describe('callOf', () => {
  it('reads a record', () => {
    const json = JSON.stringify({
      eventID: 'e1',
      eventTime: '2026-11-28T10:00:00Z',
      eventName: 'PutImage',
      errorCode: 'AccessDenied',
      userIdentity: { arn: 'arn:aws:iam::123456789012:user/ci' },
      sourceIPAddress: '10.0.0.1',
    });
    expect(callOf(json, 0)).toEqual({
      key: 'e1',
      at: new Date('2026-11-28T10:00:00Z'),
      operation: 'PutImage',
      refusal: 'AccessDenied',
      who: 'arn:aws:iam::123456789012:user/ci',
      source: '10.0.0.1',
      json,
    });
  });
  it.each(['', 'null', '[]', '{"eventTime":7,"userIdentity":"x"}', '{'])('survives %s', (json) => {
    expect(callOf(json, 3)).toMatchObject({ key: '3', operation: '–', json });
  });
});
