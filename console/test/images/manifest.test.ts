import { describe, expect, it } from 'vitest';
import { readConfiguration } from '../../src/pages/images/config';
import { platformName, readManifest } from '../../src/pages/images/manifest';

const digest = `sha256:${'a'.repeat(64)}`;

describe('readManifest', () => {
  it('reads an image', () => {
    const manifest = readManifest(
      JSON.stringify({
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'c', digest, size: 3 },
        layers: [{ mediaType: 'l', digest, size: 5, annotations: { a: 'b' } }],
        subject: { digest },
      }),
    );
    expect(manifest?.config).toMatchObject({ mediaType: 'c', digest, size: 3 });
    expect(manifest?.layers).toHaveLength(1);
    expect(manifest?.layers[0].annotations).toEqual([['a', 'b']]);
    expect(manifest?.subject).toBe(digest);
  });

  it('takes a list of manifests without a media type for an index', () => {
    expect(readManifest(JSON.stringify({ manifests: [{ digest }] }))?.manifests).toHaveLength(1);
  });

  it('reads the layers of the first schema with the first one first', () => {
    const manifest = readManifest(JSON.stringify({ fsLayers: [{ blobSum: 'b' }, { blobSum: 'a' }] }));
    expect(manifest?.layers.map((one) => one.digest)).toEqual(['a', 'b']);
  });

  it.each([undefined, '', 'null', '[]', '"text"', '{"layers":', '7'])('takes %j for none', (json) =>
    expect(readManifest(json)).toBeUndefined(),
  );

  it.each([
    { layers: null, manifests: 7, config: [], annotations: 'x', subject: null },
    { layers: [null, 1, 'x', {}, { digest: 5 }], annotations: { a: null, b: { c: 1 }, d: ['e'] } },
    { manifests: [{ digest, platform: 'linux', annotations: [1] }], mediaType: {} },
    { config: { digest, size: -1, mediaType: null }, layers: { length: 3 } },
  ])('survives %j', (value) => expect(readManifest(JSON.stringify(value))).toBeDefined());

  it('writes annotations of any type as text', () => {
    const manifest = readManifest('{"annotations":{"a":null,"b":{"c":1},"__proto__":"x"}}');
    expect(manifest?.annotations).toEqual([
      ['a', 'null'],
      ['b', '{"c":1}'],
      ['__proto__', 'x'],
    ]);
  });
});

describe('platformName', () => {
  it.each([
    [{ os: 'linux', architecture: 'amd64' }, 'linux/amd64'],
    [{ os: 'linux', architecture: 'arm', variant: 'v7' }, 'linux/arm/v7'],
    [{ os: 'windows', architecture: 'amd64', version: '10.0.1' }, 'windows/amd64 (10.0.1)'],
    [{ os: 'unknown', architecture: 'unknown' }, undefined],
    [{ architecture: 'arm64' }, 'arm64'],
    [undefined, undefined],
  ])('writes %j as %s', (platform, name) => expect(platformName(platform)).toBe(name));
});

describe('readConfiguration', () => {
  it('reads how an image is run', () => {
    const configuration = readConfiguration(
      JSON.stringify({
        os: 'linux',
        architecture: 'arm64',
        created: '2026-11-28T10:00:00Z',
        config: {
          Env: ['A=b'],
          Entrypoint: ['/run'],
          Cmd: 'serve',
          ExposedPorts: { '80/tcp': {} },
          Volumes: { '/data': {} },
          Labels: { a: 'b' },
        },
        history: [{ created_by: 'RUN x' }, { empty_layer: true }],
      }),
    );
    expect(configuration).toMatchObject({
      env: ['A=b'],
      entrypoint: ['/run'],
      cmd: ['serve'],
      ports: ['80/tcp'],
      volumes: ['/data'],
      labels: [['a', 'b']],
      history: [{ createdBy: 'RUN x', empty: false }, { empty: true }],
    });
    expect(configuration?.created?.toISOString()).toBe('2026-11-28T10:00:00.000Z');
  });

  it.each([
    '{"config":null,"history":{}}',
    '{"config":{"Env":"A=b","Cmd":{},"Labels":[1],"ExposedPorts":null}}',
    '{"created":"yesterday","history":[null,1,{"created":7,"created_by":{}}]}',
    '{"created":"0001-01-01T00:00:00Z","config":[],"os":5}',
  ])('survives %s', (json) => expect(readConfiguration(json)?.created).toBeUndefined());
});
