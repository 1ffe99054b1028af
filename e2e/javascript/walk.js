// Walks through a registry with the SDK for JavaScript, configured by the
// environment alone, and fails where an answer is not what the SDK should give.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  BatchDeleteImageCommand, CompleteLayerUploadCommand, CreateRepositoryCommand, DeleteRepositoryCommand,
  DescribeImagesCommand, ECRClient, GetAuthorizationTokenCommand, GetDownloadUrlForLayerCommand,
  GetSigningConfigurationCommand, InitiateLayerUploadCommand, ImageTagAlreadyExistsException, PutImageCommand,
  RepositoryNotFoundException, UploadLayerPartCommand, paginateDescribeRepositories,
} from '@aws-sdk/client-ecr';

const ecr = new ECRClient({ maxAttempts: 1 });
const repositoryName = 'javascript';
const sha256 = (bytes) => 'sha256:' + createHash('sha256').update(bytes).digest('hex');

const { repository } = await ecr.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: 'IMMUTABLE' }));
assert.equal(repository.repositoryName, repositoryName);
assert.ok(repository.createdAt instanceof Date && Math.abs(Date.now() - repository.createdAt) < 600_000);

const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}));
assert.match(Buffer.from(authorizationData[0].authorizationToken, 'base64').toString(), /^AWS:./);
assert.ok(authorizationData[0].expiresAt > new Date());

async function upload(blob) {
  const { uploadId } = await ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
  await ecr.send(new UploadLayerPartCommand({
    repositoryName, uploadId, partFirstByte: 0, partLastByte: blob.length - 1, layerPartBlob: blob,
  }));
  const layerDigests = [sha256(blob)];
  const { layerDigest } = await ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests }));
  assert.equal(layerDigest, layerDigests[0]);
}

async function image(text) {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] }, text }));
  const layer = Buffer.from('a layer: ' + text);
  await upload(config);
  await upload(layer);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256(config), size: config.length },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha256(layer), size: layer.length }],
  });
  return { layer, manifest };
}

const first = await image('first');
const put = (imageManifest) => ecr.send(new PutImageCommand({ repositoryName, imageTag: 'v1', imageManifest }));
const stored = await put(first.manifest);
assert.deepEqual(stored.image.imageId, { imageDigest: sha256(first.manifest), imageTag: 'v1' });
await assert.rejects(put((await image('second')).manifest), (error) => {
  assert.ok(error instanceof ImageTagAlreadyExistsException);
  assert.match(error.message, /already exists in the 'javascript' repository and cannot be overwritten because the tag is immutable\.$/);
  return true;
});

const { imageDetails } = await ecr.send(new DescribeImagesCommand({ repositoryName }));
assert.deepEqual(imageDetails.map((detail) => detail.imageTags), [['v1']]);
const { downloadUrl } = await ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: sha256(first.layer) }));
assert.deepEqual(Buffer.from(await (await fetch(downloadUrl)).arrayBuffer()), first.layer);

const names = [];
for await (const page of paginateDescribeRepositories({ client: ecr, pageSize: 1 }, {})) {
  names.push(...page.repositories.map((found) => found.repositoryName));
}
assert.deepEqual(names, [repositoryName]);

await assert.rejects(ecr.send(new DescribeImagesCommand({ repositoryName: 'missing' })), (error) => {
  assert.ok(error instanceof RepositoryNotFoundException);
  assert.equal(error.message, "The repository with name 'missing' does not exist in the registry with id '123456789012'");
  return true;
});
await assert.rejects(ecr.send(new GetSigningConfigurationCommand({})), { name: 'NotImplementedException' });

const { failures } = await ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag: 'v1' }] }));
assert.deepEqual(failures, []);
await ecr.send(new DeleteRepositoryCommand({ repositoryName }));

const stranger = new ECRClient({ maxAttempts: 1, credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wrong' } });
await assert.rejects(stranger.send(new GetAuthorizationTokenCommand({})), { name: 'UnrecognizedClientException' });
console.log('walked');
