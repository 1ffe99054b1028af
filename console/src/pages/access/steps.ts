import { aws, type CliOptions } from '../../lib/shell';

/** A Step is a call, and the command of the AWS CLI that makes it. */
export interface Step {
  command: string[];
  run: () => Promise<unknown>;
}

// UserName is --user-name, and PolicyArn --policy-arn.
const optionOf = (member: string) => member.replace(/(?<=[a-z0-9])[A-Z]/g, (c) => `-${c}`).toLowerCase();

/** optionsOf are the options by which the AWS CLI takes an input. */
export const optionsOf = (input: object): CliOptions =>
  Object.fromEntries(Object.entries(input).map(([member, value]) => [optionOf(member), value])) as CliOptions;

/** step is a call with an input; shown is what the command has instead of a secret. */
export const step = <I extends object>(
  service: 'iam' | 'kms' | 'ecr',
  operation: string,
  input: I,
  run: (input: I) => Promise<unknown>,
  shown: object = {},
): Step => ({
  command: aws(service, operation, optionsOf({ ...input, ...shown })),
  run: () => run(input),
});

/** commandsOf are the commands of steps. */
export const commandsOf = (steps: Step[]) => steps.map(({ command }) => command);

/** runAll takes the steps one after another, and stops at the first that fails. */
export async function runAll(steps: Step[]) {
  for (const { run } of steps) await run();
}
