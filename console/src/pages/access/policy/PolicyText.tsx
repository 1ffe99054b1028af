import { type Ref, useMemo } from 'react';
import type { Problem } from './report';

const fewest = 12;

interface Properties {
  value: string;
  onChange: (value: string) => void;
  problems: Problem[];
  /** Lines of statements that decided something. */
  deciding: [first: number, last: number][];
  label: string;
  describedBy?: string;
  area: Ref<HTMLTextAreaElement>;
}

/** PolicyText is a text area that numbers its lines and marks those with problems. It is as high as its text. */
export default function PolicyText(p: Properties) {
  const lines = Math.max(p.value.split('\n').length + 1, fewest);
  const classes = useMemo(() => classesOf(p.problems, p.deciding), [p.problems, p.deciding]);
  const numbers = Array.from({ length: lines }, (_, i) => i + 1);
  return (
    <div className="policy-text">
      <ol aria-hidden="true">
        {numbers.map((n) => (
          <li key={n} className={classes.get(n)}>
            {n}
          </li>
        ))}
      </ol>
      <textarea
        ref={p.area}
        value={p.value}
        rows={lines}
        onChange={(e) => p.onChange(e.target.value)}
        aria-label={p.label}
        aria-describedby={p.describedBy}
        aria-invalid={p.problems.some(({ severity }) => severity === 'error')}
        autoCapitalize="off"
        autoComplete="off"
        autoCorrect="off"
        spellCheck={false}
        wrap="off"
      />
    </div>
  );
}

function classesOf(problems: Problem[], deciding: Properties['deciding']): Map<number, string> {
  const classes = new Map<number, string>();
  for (const [first, last] of deciding) {
    for (let line = first; line <= last; line++) classes.set(line, 'deciding');
  }
  for (const { line, severity } of problems) {
    if (severity === 'error') classes.set(line, 'wrong');
    else if (classes.get(line) !== 'wrong') classes.set(line, 'doubtful');
  }
  return classes;
}
