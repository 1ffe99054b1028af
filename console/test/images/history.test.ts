import { describe, expect, it } from 'vitest';
import { instruction, stepsOf } from '../../src/pages/images/history';

const entry = (createdBy: string, empty = false) => ({ createdBy, empty });

describe('stepsOf', () => {
  it('gives each layer the command that made it, and shows those that made none', () => {
    const history = [entry('ADD'), entry('ENV', true), entry('RUN'), entry('CMD', true)];
    expect(stepsOf(['a', 'b'], history).map((step) => [step.entry?.createdBy, step.layer])).toEqual([
      ['ADD', 'a'],
      ['ENV', undefined],
      ['RUN', 'b'],
      ['CMD', undefined],
    ]);
  });
  it.each([[[]], [[entry('ADD')]], [[entry('ADD'), entry('RUN'), entry('RUN')]]])(
    'shows the layers alone when the history tells of others: %j',
    (history) => expect(stepsOf(['a', 'b'], history)).toEqual([{ layer: 'a' }, { layer: 'b' }]),
  );
});

describe('instruction', () => {
  it.each([
    ['/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'],
    ['/bin/sh -c #(nop) ADD file:1 in / ', 'ADD file:1 in /'],
    ['/bin/sh -c apt-get update', 'RUN apt-get update'],
    ['RUN /bin/sh -c apt-get update # buildkit', 'RUN apt-get update'],
    ['|1 VERSION=1 /bin/sh -c make', 'RUN make'],
    ['RUN |1 VERSION=1 /bin/sh -c make # buildkit', 'RUN make'],
    ['COPY / / # buildkit', 'COPY / /'],
    ['bazel  build', 'bazel build'],
    ['', ''],
  ])('writes %j as %j', (createdBy, line) => expect(instruction(createdBy)).toBe(line));
  it('is quick with a line that is long', () => {
    const began = performance.now();
    instruction(`|1 ${'a '.repeat(200_000)}`);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
