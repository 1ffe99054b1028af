import { useSyncExternalStore } from 'react';

/** A Session is what requests are signed with, and whose it is. */
export interface Session {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** Unix milliseconds. */
  expiration: number;
  region: string;
  account: string;
  arn: string;
  /** The session that this one was entered from by switching roles. */
  from?: Session;
}

// It survives a reload and dies with the tab: never a cookie, never localStorage.
const key = 'nifuda.session';
const listeners = new Set<() => void>();
let session = load();
let ended: Session | null = null;

function load(): Session | null {
  try {
    const stored = JSON.parse(sessionStorage.getItem(key) ?? 'null') as Session | null;
    return stored && stored.expiration > Date.now() ? stored : null;
  } catch {
    return null;
  }
}

function set(next: Session | null, last: Session | null = null) {
  session = next;
  ended = last;
  if (next) sessionStorage.setItem(key, JSON.stringify(next));
  else sessionStorage.removeItem(key);
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** useSession is the session of this tab, or null. */
export const useSession = () => useSyncExternalStore(subscribe, () => session);

/** useEnded is the session that ended by itself, until another begins. What it showed stays on the page. */
export const useEnded = () => useSyncExternalStore(subscribe, () => ended);

/** enter begins a session, in the other tabs too that have none. */
export function enter(next: Session) {
  set(next);
  if (!next.from) tabs?.postMessage({ session: next });
}

/** leave goes back to the session that this one was entered from. */
export function leave() {
  const before = session?.from;
  if (before && before.expiration > Date.now()) set({ ...before, region: session?.region ?? before.region });
  else set(null, before);
}

/** signOut ends the session, in all tabs. */
export function signOut() {
  set(null);
  tabs?.postMessage({ out: true });
}

/** expire ends a session that the server takes no longer; the place stays. */
export function expire() {
  if (session) set(null, session);
}

/** chooseRegion goes on in another region. */
export function chooseRegion(region: string) {
  if (session) set({ ...session, region });
}

interface Message {
  ask?: true;
  session?: Session;
  out?: true;
}

// A link that is opened in a new tab asks the other tabs for their session.
const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel('nifuda.tabs') : null;
tabs?.addEventListener('message', ({ data }: MessageEvent<Message>) => {
  if (data.ask && session) tabs.postMessage({ session });
  if (data.out) set(null);
  if (data.session && takes(data.session)) set({ ...data.session, region: regionFor(data.session) });
});
if (!session) tabs?.postMessage({ ask: true });

// Who renews a session renews it everywhere; each tab stays in its region.
const takes = (offered: Session) =>
  session
    ? session.arn === offered.arn && session.expiration < offered.expiration
    : !ended || ended.arn === offered.arn;

const regionFor = (offered: Session) => (session ?? ended ?? offered).region;
