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
let expired = false;

function load(): Session | null {
  try {
    const stored = JSON.parse(sessionStorage.getItem(key) ?? 'null') as Session | null;
    return stored && stored.expiration > Date.now() ? stored : null;
  } catch {
    return null;
  }
}

function set(next: Session | null) {
  session = next;
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

/** useExpired reports whether the last session ended by itself. */
export const useExpired = () => useSyncExternalStore(subscribe, () => expired);

/** enter begins a session. */
export function enter(next: Session) {
  expired = false;
  set(next);
}

/** leave ends the session, or goes back to the one that it was entered from. */
export function leave() {
  expired = false;
  set(session?.from ?? null);
}

/** signOut ends the session and those that it was entered from. */
export function signOut() {
  expired = false;
  set(null);
}

/** expire ends a session that the server takes no longer; the place stays. */
export function expire() {
  expired = true;
  set(null);
}

/** chooseRegion goes on in another region. */
export function chooseRegion(region: string) {
  if (session) set({ ...session, region });
}

// A link that is opened in a new tab asks the other tabs for their session.
const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel('nifuda.tabs') : null;
tabs?.addEventListener('message', ({ data }: MessageEvent<{ ask?: true; session?: Session }>) => {
  if (data.ask && session) tabs.postMessage({ session });
  if (data.session && !session && !expired) enter(data.session);
});
if (!session) tabs?.postMessage({ ask: true });
