import { describe, expect, it } from 'vitest';
import type { Pair } from '../../src/lib/json';
import { attestedBy, type Kind, kindOf, type Typed } from '../../src/pages/images/kinds';

const image = 'application/vnd.oci.image.manifest.v1+json';
const index = 'application/vnd.oci.image.index.v1+json';
const bundle = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const predicate = (type: string): Pair[] => [
  ['dev.sigstore.bundle.content', 'dsse-envelope'],
  ['dev.sigstore.bundle.predicateType', type],
];

const cases: [Kind, Typed][] = [
  ['image', { mediaType: image, artifactType: 'application/vnd.oci.image.config.v1+json' }],
  ['image', { mediaType: image, artifactType: 'application/vnd.docker.container.image.v1+json' }],
  ['image', { mediaType: image }],
  ['image', {}],
  ['index', { mediaType: index }],
  ['index', { mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json' }],
  ['chart', { mediaType: image, artifactType: 'application/vnd.cncf.helm.config.v1+json' }],
  ['signature', { artifactType: 'application/vnd.cncf.notary.signature' }],
  ['signature', { artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json' }],
  ['signature', { artifactType: bundle }],
  ['signature', { artifactType: bundle, annotations: predicate('https://sigstore.dev/cosign/sign/v1') }],
  ['provenance', { artifactType: bundle, annotations: predicate('https://slsa.dev/provenance/v1') }],
  ['sbom', { artifactType: bundle, annotations: predicate('https://spdx.dev/Document') }],
  ['attestation', { artifactType: bundle, annotations: predicate('https://example.com/x') }],
  ['sbom', { artifactType: 'application/spdx+json' }],
  ['sbom', { artifactType: 'application/vnd.cyclonedx+json' }],
  ['attestation', { artifactType: 'application/vnd.in-toto+json' }],
  ['attestation', { artifactType: 'application/vnd.docker.attestation.manifest.v1+json' }],
  ['scan', { artifactType: 'application/sarif+json' }],
  ['vex', { artifactType: 'application/vnd.openvex+json' }],
  ['wasm', { artifactType: 'application/vnd.wasm.config.v0+json' }],
  ['cache', { artifactType: 'application/vnd.buildkit.cacheconfig.v0' }],
  ['soci', { artifactType: 'application/vnd.amazon.soci.index.v1+json' }],
  ['artifact', { artifactType: 'application/vnd.example+json' }],
  [
    'signature',
    {
      artifactType: 'application/vnd.oci.image.config.v1+json',
      layerTypes: ['application/vnd.dev.cosign.simplesigning.v1+json'],
    },
  ],
  ['attestation', { tags: [`sha256-${'0'.repeat(64)}.att`] }],
  ['image', { tags: ['sha256-1.att'] }],
];

it.each(cases)('names %s what says %j', (kind, typed) => expect(kindOf(typed)).toBe(kind));

describe('attestedBy', () => {
  const annotations: Pair[] = [
    ['vnd.docker.reference.digest', 'sha256:1'],
    ['vnd.docker.reference.type', 'attestation-manifest'],
  ];
  it('recognizes what buildx attests', () => {
    expect(attestedBy(annotations)).toBe('sha256:1');
    expect(kindOf({ mediaType: image, annotations })).toBe('attestation');
  });
  it('takes nothing else for that', () => {
    expect(attestedBy([])).toBeUndefined();
    expect(attestedBy([['vnd.docker.reference.digest', 'sha256:1']])).toBeUndefined();
  });
});
