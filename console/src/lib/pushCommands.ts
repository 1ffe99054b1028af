import { commandLine, type Shell } from './shell';

export type Engine = 'docker' | 'podman';

/** A Target is a repository as clients of an installation reach it. */
export interface Target {
  /** The repositoryUri: host and name. */
  uri: string;
  region: string;
  /** The origin of the console, where the AWS API is too. */
  origin: string;
}

const hostOf = (uri: string) => uri.slice(0, uri.indexOf('/'));
const nameOf = (uri: string) => uri.slice(uri.indexOf('/') + 1);
const isAWS = (origin: string) => new URL(origin).hostname.endsWith('.amazonaws.com');

/** isPlain reports whether a registry is reached without TLS. */
export const isPlain = (origin: string) => origin.startsWith('http:');

/** needsTrust reports whether docker refuses a registry until its daemon is told that it has no TLS. */
export function needsTrust({ uri, origin }: Target): boolean {
  const host = hostOf(uri).replace(/:\d+$/, '');
  return isPlain(origin) && host !== 'localhost' && !host.startsWith('127.');
}

// Podman asks for TLS everywhere, of localhost too; docker has no such flag.
const trusting = (engine: Engine, target: Target) =>
  engine === 'podman' && isPlain(target.origin) ? ['--tls-verify=false'] : [];

/** login signs an engine in with a password from the AWS CLI, which has to be told where the server is when that is not AWS. */
export function login(target: Target, engine: Engine, shell: Shell): string {
  const endpoint = isAWS(target.origin) ? [] : ['--endpoint-url', target.origin];
  const password = ['aws', 'ecr', 'get-login-password', '--region', target.region, ...endpoint];
  const into = [engine, 'login', ...trusting(engine, target), '--username', 'AWS', '--password-stdin'];
  return `${commandLine(password, shell)} | ${commandLine([...into, hostOf(target.uri)], shell)}`;
}

/** push are the four commands that bring an image from a Dockerfile into the repository. */
export function push(target: Target, engine: Engine, shell: Shell, tag = 'latest') {
  const line = (...words: string[]) => commandLine([engine, ...words], shell);
  const local = nameOf(target.uri);
  const remote = `${target.uri}:${tag}`;
  return {
    login: login(target, engine, shell),
    build: line('build', '-t', local, '.'),
    tag: line('tag', `${local}:latest`, remote),
    push: line('push', ...trusting(engine, target), remote),
  };
}

/** pull are the commands that fetch an image, by a tag or a digest. */
export function pull(target: Target, engine: Engine, shell: Shell, reference = 'latest') {
  const remote = `${target.uri}${reference.includes(':') ? '@' : ':'}${reference}`;
  return {
    login: login(target, engine, shell),
    pull: commandLine([engine, 'pull', ...trusting(engine, target), remote], shell),
  };
}

/** setUp has the AWS CLI know the server and an access key, by a profile. */
export function setUp(target: Target, shell: Shell): string[] {
  const profile = ['--profile', 'nifuda'];
  const line = (...words: string[]) => commandLine(['aws', 'configure', ...words, ...profile], shell);
  return [
    line(),
    line('set', 'region', target.region),
    line('set', 'endpoint_url', target.origin),
    shell === 'powershell' ? `$env:AWS_PROFILE = 'nifuda'` : 'export AWS_PROFILE=nifuda',
  ];
}
