import type { HistoryEntry } from './config';

/** A Step is a layer with the command that made it; a command that made none has no layer. */
export interface Step<Layer> {
  layer?: Layer;
  entry?: HistoryEntry;
}

/** stepsOf pairs layers with history, in their order. A history that tells of more or fewer layers is of no use: then layers stand alone. */
export function stepsOf<Layer>(layers: Layer[], history: HistoryEntry[]): Step<Layer>[] {
  const made = history.filter((entry) => !entry.empty).length;
  if (made !== layers.length) return layers.map((layer) => ({ layer }));
  let next = 0;
  return history.map((entry) => (entry.empty ? { entry } : { entry, layer: layers[next++] }));
}

const instructions =
  /^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|ONBUILD|RUN|SHELL|STOPSIGNAL|USER|VOLUME|WORKDIR|MAINTAINER)\b/;

/** instruction writes what a builder noted as it would stand in a Dockerfile. */
export function instruction(createdBy: string): string {
  const line = createdBy.replace(/\s*# buildkit$/, '').trim();
  const plain = /^(?:\/bin\/sh -c )?#\(nop\)\s+(.*)$/s.exec(line);
  if (plain) return plain[1];
  const run = /^(?:RUN\s+)?(?:\|\d+ .*?)?\/bin\/(?:ba)?sh -c\s+(.*)$/s.exec(line);
  if (run) return `RUN ${run[1].trim()}`;
  return instructions.test(line) ? line : line.replace(/\s+/g, ' ');
}
