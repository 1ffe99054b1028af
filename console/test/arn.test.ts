import { expect, it } from 'vitest';
import { whoIs } from '../src/lib/arn';

it.each([
  ['arn:aws:iam::123456789012:root', 'root'],
  ['arn:aws:iam::123456789012:user/ann', 'ann'],
  ['arn:aws:iam::123456789012:user/team/ann', 'ann'],
  ['arn:aws:sts::123456789012:assumed-role/ci/run-1', 'ci/run-1'],
  ['', ''],
])('%s is %s', (arn, who) => expect(whoIs(arn)).toBe(who));
