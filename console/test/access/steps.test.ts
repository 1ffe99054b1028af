import { expect, it, vi } from 'vitest';
import { commandLine } from '../../src/lib/shell';
import { runAll, step } from '../../src/pages/access/steps';

it('writes the command of a call', () => {
  const input = {
    UserName: 'ann',
    PolicyArn: 'arn:aws:iam::aws:policy/X',
    PasswordResetRequired: true,
    Path: undefined,
  };
  const { command } = step('iam', 'attach-user-policy', input, async () => {});
  expect(commandLine(command)).toBe(
    'aws iam attach-user-policy --user-name ann --policy-arn arn:aws:iam::aws:policy/X --password-reset-required',
  );
});

it('keeps secrets out of commands, and sends them', async () => {
  const run = vi.fn(async () => {});
  const made = step('iam', 'create-login-profile', { UserName: 'ann', Password: 'secret' }, run, {
    Password: 'PASSWORD',
  });
  expect(made.command.join(' ')).not.toContain('secret');
  await made.run();
  expect(run).toHaveBeenCalledWith({ UserName: 'ann', Password: 'secret' });
});

it('stops at the first step that fails', async () => {
  const third = vi.fn();
  const steps = [{ run: async () => {} }, { run: () => Promise.reject(new Error('no')) }, { run: third }];
  await expect(runAll(steps.map((one) => ({ ...one, command: [] })))).rejects.toThrow('no');
  expect(third).not.toHaveBeenCalled();
});
