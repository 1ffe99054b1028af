import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Session } from '../lib/session';
import { type Operations, signingName, targetPrefix } from './nifuda.gen';

/** A CallError is an answer that is no success, in the shape of the SDK's errors. */
export class CallError extends Error {
  readonly $metadata: { requestId?: string; httpStatusCode?: number };
  constructor(name: string, message: string, metadata: { requestId?: string; httpStatusCode?: number }) {
    super(message);
    this.name = name;
    this.$metadata = metadata;
  }
}

/** Own calls an operation of nifuda's own API. */
export type Own = <O extends keyof Operations>(
  operation: O,
  input: Operations[O]['input'],
  signal?: AbortSignal,
) => Promise<Operations[O]['output']>;

async function send(headers: Record<string, string>, body: string, signal?: AbortSignal) {
  const response = await fetch('/', { method: 'POST', headers, body, signal });
  const text = await response.text();
  const requestId = response.headers.get('x-amzn-requestid') ?? undefined;
  const metadata = { requestId, httpStatusCode: response.status };
  if (response.ok) return JSON.parse(text) as unknown;
  let refusal: { __type?: string; message?: string; Message?: string } = {};
  try {
    refusal = JSON.parse(text);
  } catch {
    refusal = { message: text };
  }
  const name = refusal.__type?.split('#').pop() ?? `HTTP ${response.status}`;
  throw new CallError(name, refusal.message ?? refusal.Message ?? response.statusText, metadata);
}

const headersOf = (operation: string) => ({
  'content-type': 'application/x-amz-json-1.1',
  'x-amz-target': `${targetPrefix}.${operation}`,
});

/** ownFor signs the calls with a session. */
export function ownFor(session: Session): Own {
  const signer = new SignatureV4({
    service: signingName,
    region: session.region,
    credentials: { ...session, expiration: new Date(session.expiration) },
    sha256: Sha256,
  });
  return async (operation, input, signal) => {
    const body = JSON.stringify(input);
    const request = new HttpRequest({
      method: 'POST',
      protocol: location.protocol,
      hostname: location.hostname,
      path: '/',
      headers: { host: location.host, ...headersOf(operation) },
      body,
    });
    const signed = await signer.sign(request);
    const { host: _, ...headers } = signed.headers; // the browser says it itself
    return (await send(headers, body, signal)) as never;
  };
}

/** signInByPassword calls the one operation that needs no session. */
export async function signInByPassword(
  input: Operations['SignIn']['input'],
): Promise<Operations['SignIn']['output']> {
  return (await send(headersOf('SignIn'), JSON.stringify(input))) as never;
}
