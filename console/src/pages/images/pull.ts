import { commandLine } from '../../lib/shell';
import type { Kind } from './kinds';

/** reference is what clients call an image: by a tag, or for good by its digest. */
export const reference = (uri: string, { tag, digest }: { tag?: string; digest: string }) =>
  tag ? `${uri}:${tag}` : `${uri}@${digest}`;

/** A Puller is a program that fetches things of a kind. */
export type Puller = 'docker' | 'podman' | 'helm' | 'oras';

/** pullersOf are the programs that fetch things of a kind. */
export function pullersOf(kind: Kind): Puller[] {
  if (kind === 'image' || kind === 'index') return ['docker', 'podman'];
  return kind === 'chart' ? ['helm'] : ['oras'];
}

/** pullCommand is the command by which a program fetches something. */
export function pullCommand(puller: Puller, uri: string, of: { tag?: string; digest: string }): string {
  if (puller !== 'helm') return commandLine([puller, 'pull', reference(uri, of)]);
  if (!of.tag) return commandLine(['helm', 'pull', `oci://${uri}@${of.digest}`]);
  // The tag of a chart is its version, in which a registry has no plus sign.
  return commandLine(['helm', 'pull', `oci://${uri}`, '--version', of.tag.replaceAll('_', '+')]);
}
