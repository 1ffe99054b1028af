import type { ImageLayer } from '../../api/nifuda.gen';
import { list, type Pair, pairs, parsed, record, records, text, texts } from '../../lib/json';

/** A Side is one of two images that are compared. */
export interface Side {
  manifest: unknown;
  configuration: unknown;
  layers: ImageLayer[];
  /** The manifest of the index that the image was found by, if it was. */
  index?: unknown;
}

/** A Difference is a value that one of two sides has, or both. */
export interface Difference {
  group: Group;
  /** Which one of a group that has several, such as the name of a variable. */
  name: string;
  left?: string;
  right?: string;
  state: State;
}

export type State = 'added' | 'removed' | 'changed' | 'same';

/** Group is a part of the configuration of an image. */
export type Group =
  | 'platform'
  | 'created'
  | 'user'
  | 'workdir'
  | 'entrypoint'
  | 'cmd'
  | 'env'
  | 'ports'
  | 'volumes'
  | 'labels'
  | 'annotations'
  | 'index';

function state(left: string | undefined, right: string | undefined): State {
  if (left === right) return 'same';
  if (left === undefined) return 'added';
  return right === undefined ? 'removed' : 'changed';
}

/** differences pairs what two sides have by name, in the order of names. */
function differences(group: Group, left: Pair[], right: Pair[]): Difference[] {
  const [a, b] = [new Map(left), new Map(right)];
  return [...new Set([...a.keys(), ...b.keys()])].toSorted().map((name) => ({
    group,
    name,
    left: a.get(name),
    right: b.get(name),
    state: state(a.get(name), b.get(name)),
  }));
}

const single = (value: string | undefined): Pair[] => (value === undefined ? [] : [['', value]]);
const words = (value: unknown) => (list(value).length > 0 ? JSON.stringify(list(value)) : undefined);
const names = (value: unknown): Pair[] => Object.keys(record(value)).map((name) => [name, name]);

/** variables are those of the environment: what is before the first = is the name. */
const variables = (value: unknown): Pair[] =>
  texts(value).map((one) => {
    const at = one.indexOf('=');
    return at < 0 ? [one, ''] : [one.slice(0, at), one.slice(at + 1)];
  });

const parts: [Group, (image: Record<string, unknown>, config: Record<string, unknown>) => Pair[]][] = [
  ['platform', (image) => single(platformOf(image) || undefined)],
  ['created', (image) => single(text(image.created))],
  ['user', (_, config) => single(text(config.User))],
  ['workdir', (_, config) => single(text(config.WorkingDir))],
  ['entrypoint', (_, config) => single(words(config.Entrypoint))],
  ['cmd', (_, config) => single(words(config.Cmd))],
  ['env', (_, config) => variables(config.Env)],
  ['ports', (_, config) => names(config.ExposedPorts)],
  ['volumes', (_, config) => names(config.Volumes)],
  ['labels', (_, config) => pairs(config.Labels)],
];

const annotationsOf = (manifest: unknown) => pairs(record(manifest).annotations);

/** configurationDiff compares the configurations and the annotations of two images. */
export function configurationDiff(left: Side, right: Side): Difference[] {
  const [a, b] = [record(left.configuration), record(right.configuration)];
  return [
    ...parts.flatMap(([group, of]) => differences(group, of(a, record(a.config)), of(b, record(b.config)))),
    ...differences('annotations', annotationsOf(left.manifest), annotationsOf(right.manifest)),
    ...differences('index', annotationsOf(left.index), annotationsOf(right.index)),
  ];
}

/** A LayerDifference is a layer that both sides have, or only one of them. */
export interface LayerDifference {
  digest: string;
  size: number;
  side: 'both' | 'left' | 'right';
  /** What made it, if the configuration tells. */
  command?: string;
}

/** commandsOf are the commands that made the layers, in their order, where the history has one for each. */
export function commandsOf({ configuration, layers }: Side): (string | undefined)[] {
  const history = records(record(configuration).history).filter((one) => one.empty_layer !== true);
  return history.length === layers.length ? history.map((one) => text(one.created_by)) : [];
}

/** layersDiff lists the layers of the left side in their order, then those that only the right one has. */
export function layersDiff(left: Side, right: Side): LayerDifference[] {
  const has = ({ layers }: Side) => new Set(layers.map(({ Digest }) => Digest));
  const [inLeft, inRight] = [has(left), has(right)];
  const leftCommands = commandsOf(left);
  const rightCommands = commandsOf(right);
  const one = ({ Digest, Size }: ImageLayer, side: LayerDifference['side'], command?: string) => ({
    digest: Digest,
    size: Size,
    side,
    command,
  });
  return [
    ...left.layers.map((layer, i) =>
      one(layer, inRight.has(layer.Digest) ? 'both' : 'left', leftCommands[i]),
    ),
    ...right.layers.flatMap((layer, i) =>
      inLeft.has(layer.Digest) ? [] : one(layer, 'right', rightCommands[i]),
    ),
  ];
}

/** A Platform is an image of an index. */
export interface Platform {
  name: string;
  digest: string;
}

/** platformOf writes a platform as os/architecture/variant. */
export const platformOf = (value: unknown) => {
  const { os, architecture, variant } = record(value);
  return [os, architecture, variant].flatMap((one) => text(one) ?? []).join('/');
};

/** platformsOf are the images of an index, by what they are for; attestations are for none. */
export function platformsOf(manifest: unknown): Platform[] {
  return records(record(manifest).manifests).flatMap((one) => {
    const name = platformOf(one.platform);
    const digest = text(one.digest);
    return digest && name && !name.startsWith('unknown') ? { name, digest } : [];
  });
}

/** isIndex reports whether a manifest lists others. */
export const isIndex = (manifest: unknown) => Array.isArray(record(manifest).manifests);

/** sideOf reads what DescribeImageContent returns. */
export const sideOf = (content: {
  Manifest: string;
  Configuration?: string;
  Layers: ImageLayer[];
}): Side => ({
  manifest: parsed(content.Manifest),
  configuration: parsed(content.Configuration),
  layers: content.Layers,
});

/** sizeOf is what the layers of an image need, each counted once. */
export const sizeOf = ({ layers }: Side) =>
  [...new Map(layers.map(({ Digest, Size }) => [Digest, Size])).values()].reduce(
    (sum, size) => sum + size,
    0,
  );
