import { instant, isRecord, type Pair, pairs, parsed, record, records, text, texts } from '../../lib/json';
import { type Platform, platformOf } from './manifest';

/** A HistoryEntry is a step in which an image was made. */
export interface HistoryEntry {
  created?: Date;
  createdBy?: string;
  comment?: string;
  /** It made no layer. */
  empty: boolean;
}

/** A Configuration is what an image says of itself and of how it is run. */
export interface Configuration {
  platform?: Platform;
  created?: Date;
  author?: string;
  env: string[];
  entrypoint: string[];
  cmd: string[];
  workingDir?: string;
  user?: string;
  ports: string[];
  volumes: string[];
  labels: Pair[];
  stopSignal?: string;
  health: string[];
  history: HistoryEntry[];
}

const entryOf = (entry: Record<string, unknown>): HistoryEntry => ({
  created: instant(entry.created),
  createdBy: text(entry.created_by),
  comment: text(entry.comment),
  empty: entry.empty_layer === true,
});

// A command may be a list of words or, against the specification, a text.
const words = (value: unknown) => (text(value) ? [String(value)] : texts(value));

/** readConfiguration reads the configuration of a container image. What is no JSON object is nothing. */
export function readConfiguration(json: string | undefined): Configuration | undefined {
  const value = parsed(json);
  if (!isRecord(value)) return undefined;
  const run = record(value.config);
  return {
    platform: platformOf(value),
    created: instant(value.created),
    author: text(value.author),
    env: texts(run.Env),
    entrypoint: words(run.Entrypoint),
    cmd: words(run.Cmd),
    workingDir: text(run.WorkingDir),
    user: text(run.User),
    ports: Object.keys(record(run.ExposedPorts)),
    volumes: Object.keys(record(run.Volumes)),
    labels: pairs(run.Labels),
    stopSignal: text(run.StopSignal),
    health: words(record(run.Healthcheck).Test),
    history: records(value.history).map(entryOf),
  };
}
