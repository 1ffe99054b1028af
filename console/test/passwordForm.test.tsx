import { render, renderHook, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { LanguageOf } from '../src/i18n';
import { useSession } from '../src/lib/session';
import PasswordForm from '../src/shell/PasswordForm';

afterEach(() => vi.unstubAllGlobals());

const credentials = {
  AccessKeyId: 'ASIA1',
  SecretAccessKey: 's',
  SessionToken: 't',
  Expiration: Date.now() / 1000 + 3600,
};

it('asks for a new password when the server does, and signs in with it', async () => {
  const sent: Record<string, string>[] = [];
  vi.stubGlobal('fetch', async (_url: string, { body }: { body: string }) => {
    const input = JSON.parse(body);
    sent.push(input);
    const refusal = { __type: 'PasswordChangeRequiredException', message: 'Change it first.' };
    const granted = { Credentials: credentials, Arn: 'arn:aws:iam::1:user/ann', AccountId: '123456789012' };
    return input.NewPassword
      ? new Response(JSON.stringify(granted))
      : new Response(JSON.stringify(refusal), { status: 400 });
  });
  const user = userEvent.setup();
  render(
    <LanguageOf>
      <PasswordForm region={{ value: 'us-east-1', onChange: () => {} }} />
    </LanguageOf>,
  );
  await user.type(await screen.findByLabelText('Account ID or alias'), 'acme');
  await user.type(screen.getByLabelText('User name'), 'ann');
  await user.type(screen.getByLabelText('Password'), 'old{Enter}');
  await screen.findByText('Change it first.');
  await user.type(screen.getByLabelText('New password'), 'new');
  await user.type(screen.getByLabelText('New password again'), 'other{Enter}');
  screen.getByText('The two passwords differ.');
  expect(sent).toHaveLength(1);
  await user.clear(screen.getByLabelText('New password again'));
  await user.type(screen.getByLabelText('New password again'), 'new{Enter}');
  const session = renderHook(() => useSession());
  await vi.waitFor(() => expect(session.result.current?.arn).toBe('arn:aws:iam::1:user/ann'));
  expect(sent[1]).toEqual({ AccountId: 'acme', UserName: 'ann', Password: 'old', NewPassword: 'new' });
});
