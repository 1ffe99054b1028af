import { renderHook } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';
import type { Session } from '../src/lib/session';

const hour = 3600_000;
const of = (changes: Partial<Session> = {}): Session => ({
  accessKeyId: 'ASIA1',
  secretAccessKey: 's',
  sessionToken: 't',
  expiration: Date.now() + hour,
  region: 'us-east-1',
  account: '123456789012',
  arn: 'arn:aws:iam::123456789012:user/ann',
  ...changes,
});

// Each import is a tab of its own.
const tab = async () => {
  vi.resetModules();
  return import('../src/lib/session');
};
type Tab = Awaited<ReturnType<typeof tab>>;
const sessionOf = ({ useSession }: Tab) => renderHook(() => useSession()).result.current;
const endedOf = ({ useEnded }: Tab) => renderHook(() => useEnded()).result.current;

beforeEach(() => {
  sessionStorage.clear();
});

it('survives a reload until it ends', async () => {
  (await tab()).enter(of());
  expect(sessionOf(await tab())?.arn).toBe(of().arn);
  sessionStorage.setItem('nifuda.session', JSON.stringify(of({ expiration: Date.now() - 1 })));
  expect(sessionOf(await tab())).toBeNull();
});

it('keeps what ended by itself, and not what was signed out of', async () => {
  const one = await tab();
  one.enter(of());
  one.expire();
  expect(sessionOf(one)).toBeNull();
  expect(endedOf(one)?.arn).toBe(of().arn);
  one.expire();
  expect(endedOf(one)?.arn).toBe(of().arn);
  one.signOut();
  expect(endedOf(one)).toBeNull();
  expect(sessionStorage.getItem('nifuda.session')).toBeNull();
});

it('goes back from a role to who entered it, in the region of the role', async () => {
  const one = await tab();
  const from = of();
  one.enter(from);
  one.enter({ ...of({ arn: 'arn:aws:sts::1:assumed-role/ci/ann' }), from });
  one.chooseRegion('eu-west-1');
  one.leave();
  expect(sessionOf(one)).toEqual({ ...from, region: 'eu-west-1' });
});

it('asks anew for a session that ended while in a role', async () => {
  const one = await tab();
  one.enter({ ...of(), from: of({ arn: 'arn:old', expiration: Date.now() - 1 }) });
  one.leave();
  expect(sessionOf(one)).toBeNull();
  expect(endedOf(one)?.arn).toBe('arn:old');
});

it('is handed to a tab that has none, and signed out of in all', async () => {
  const first = await tab();
  first.enter(of());
  sessionStorage.clear();
  const second = await tab();
  await vi.waitFor(() => expect(sessionOf(second)?.arn).toBe(of().arn));
  second.signOut();
  await vi.waitFor(() => expect(sessionOf(first)).toBeNull());
});

it('is renewed for all tabs, each in its region', async () => {
  const first = await tab();
  first.enter(of({ region: 'eu-west-1' }));
  const second = await tab();
  second.chooseRegion('ap-northeast-1');
  first.enter(of({ accessKeyId: 'ASIA2', expiration: Date.now() + 2 * hour, region: 'eu-west-1' }));
  await vi.waitFor(() => expect(sessionOf(second)?.accessKeyId).toBe('ASIA2'));
  expect(sessionOf(second)?.region).toBe('ap-northeast-1');
});
