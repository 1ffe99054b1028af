import { aws, commandLine } from '../../lib/shell';
import { isDigest } from './api';

/** ofImage is an image as options of the AWS CLI name it. */
const ofImage = (reference: string) =>
  isDigest(reference) ? `imageDigest=${reference}` : `imageTag=${reference}`;

const orPlace = (text: string, place: string) => text || `<${place}>`;

/** setCommands are those that point a tag at an image of the same repository. */
export function setCommands(repository: string, reference: string, tag: string): string[] {
  const get = aws('ecr', 'batch-get-image', {
    'repository-name': repository,
    'image-ids': ofImage(orPlace(reference, 'image')),
    query: 'images[0].imageManifest',
    output: 'text',
  });
  const put = aws('ecr', 'put-image', { 'repository-name': repository, 'image-tag': orPlace(tag, 'tag') });
  return [`MANIFEST="$(${commandLine(get)})"`, `${commandLine(put)} --image-manifest "$MANIFEST"`];
}

/** promoteCommands are those that copy an image to another repository. The AWS CLI has none that moves layers. */
export function promoteCommands(from: string, reference: string, to: string, tag: string): string[][] {
  const separator = isDigest(reference) ? '@' : ':';
  const source = `${location.host}/${from}${separator}${orPlace(reference, 'image')}`;
  return [['crane', 'copy', source, `${location.host}/${to}:${orPlace(tag, 'tag')}`]];
}

/** removeCommands are those that remove a tag. */
export const removeCommands = (repository: string, tag: string) => [
  aws('ecr', 'batch-delete-image', { 'repository-name': repository, 'image-ids': `imageTag=${tag}` }),
];

/** addModel teaches the AWS CLI the operations of nifuda's own API. */
export const addModel = aws('configure', 'add-model', {
  'service-name': 'nifuda',
  'service-model': 'file://nifuda-2026-11-22.json',
});

/** restoreTagCommands are those that take a tag back to an entry of its history. */
export const restoreTagCommands = (repository: string, tag: string, sequence: number) => [
  addModel,
  aws('nifuda', 'restore-tag', { 'repository-name': repository, 'image-tag': tag, sequence }),
];

/** restoreImageCommands are those that undo deletions of images. */
export const restoreImageCommands = (repository: string, deletions: string[], withoutTags: boolean) => [
  addModel,
  ...deletions.map((id) =>
    aws('nifuda', 'restore-image', {
      'repository-name': repository,
      'deletion-id': id,
      'without-tags': withoutTags || undefined,
    }),
  ),
];

/** restoreRepositoryCommands are those that bring a repository back. */
export const restoreRepositoryCommands = (repository: string, id: string, name: string) => [
  addModel,
  aws('nifuda', 'restore-repository', {
    'repository-name': repository,
    'repository-id': id,
    'new-repository-name': name === repository ? undefined : name,
  }),
];
