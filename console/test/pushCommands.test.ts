import { describe, expect, it } from 'vitest';
import { needsTrust, pull, push, setUp } from '../src/lib/pushCommands';

const local = { uri: 'localhost:5050/team/app', region: 'us-east-1', origin: 'http://localhost:5050' };
const lan = { ...local, uri: 'registry.lan:5050/app', origin: 'http://registry.lan:5050' };
const tls = {
  uri: '123456789012.dkr.ecr.eu-west-1.example.com/app',
  region: 'eu-west-1',
  origin: 'https://registry.example.com',
};
const aws = {
  uri: '123456789012.dkr.ecr.us-east-1.amazonaws.com/app',
  region: 'us-east-1',
  origin: 'https://api.ecr.us-east-1.amazonaws.com',
};

describe('push', () => {
  it('has the four commands for docker', () =>
    expect(push(local, 'docker', 'posix')).toEqual({
      login:
        'aws ecr get-login-password --region us-east-1 --endpoint-url http://localhost:5050 | docker login --username AWS --password-stdin localhost:5050',
      build: 'docker build -t team/app .',
      tag: 'docker tag team/app:latest localhost:5050/team/app:latest',
      push: 'docker push localhost:5050/team/app:latest',
    }));

  it('has podman do without TLS where there is none', () => {
    const plain = push(local, 'podman', 'posix');
    expect(plain.login).toContain('| podman login --tls-verify=false --username AWS');
    expect(plain.push).toBe('podman push --tls-verify=false localhost:5050/team/app:latest');
    expect(push(tls, 'podman', 'posix').push).toBe(
      'podman push 123456789012.dkr.ecr.eu-west-1.example.com/app:latest',
    );
  });

  it('names no endpoint under the names of AWS', () =>
    expect(push(aws, 'docker', 'powershell').login).toBe(
      'aws ecr get-login-password --region us-east-1 | docker login --username AWS --password-stdin 123456789012.dkr.ecr.us-east-1.amazonaws.com',
    ));
});

it('pulls by tag and by digest', () => {
  expect(pull(tls, 'docker', 'posix', 'v1').pull).toBe(`docker pull ${tls.uri}:v1`);
  expect(pull(tls, 'docker', 'posix', 'sha256:abc').pull).toBe(`docker pull ${tls.uri}@sha256:abc`);
});

it('knows when the daemon has to be told', () => {
  expect(needsTrust(local)).toBe(false);
  expect(needsTrust({ ...local, uri: '127.0.0.1:5050/app' })).toBe(false);
  expect(needsTrust(lan)).toBe(true);
  expect(needsTrust(tls)).toBe(false);
});

it('sets the AWS CLI up in the words of each shell', () => {
  expect(setUp(local, 'posix')).toContain('export AWS_PROFILE=nifuda');
  expect(setUp(local, 'powershell')).toContain(`$env:AWS_PROFILE = 'nifuda'`);
});
