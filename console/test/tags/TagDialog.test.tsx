import { PutImageCommand } from '@aws-sdk/client-ecr';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import { LanguageOf } from '../../src/i18n';
import TagDialog from '../../src/pages/tags/TagDialog';

const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
const tagsThere: Record<string, string> = { 'v1.0': digest(1), 'dev-1': digest(1) };

const ecr = { send: vi.fn() };
const own = vi.fn();
const clients = { ecr, own };
vi.mock('../../src/api/clients', () => ({ useClients: () => clients }));

beforeEach(() => {
  ecr.send.mockReset().mockImplementation(async (command: { constructor: { name: string } }) => {
    if (command.constructor.name === 'DescribeRepositoriesCommand') {
      const filters = [{ filterType: 'WILDCARD', filter: 'dev-*' }];
      return {
        repositories: [
          { imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION', imageTagMutabilityExclusionFilters: filters },
        ],
      };
    }
    return { imageDetails: [{ imageDigest: digest(2), imageSizeInBytes: 2048 }] };
  });
  own.mockReset().mockImplementation(async (operation: string, input: { Prefix?: string }) => {
    const prefix = input.Prefix ?? '';
    if (operation === 'SearchTags') {
      const Tags = Object.entries(tagsThere).map(([ImageTag, ImageDigest]) => ({
        ImageTag,
        ImageDigest,
        Size: 1,
      }));
      return { Tags: Tags.filter(({ ImageTag }) => ImageTag.startsWith(prefix)) };
    }
    if (operation === 'SearchRepositories') return { Repositories: [] };
    return { Manifest: '{"a": 1}', ManifestMediaType: 'application/json', Layers: [] };
  });
});

const open = (onDone = () => {}) =>
  render(
    <LanguageOf>
      <TagDialog repository="app" digest={digest(2)} visible onClose={() => {}} onDone={onDone} />
    </LanguageOf>,
  );

const submit = (name: string) => screen.findByRole('button', { name }) as Promise<HTMLButtonElement>;

it('says which rule keeps a tag where it is, and sends nothing then', async () => {
  const user = userEvent.setup();
  open();
  await user.type(await screen.findByLabelText('Tag name'), 'v1.0');
  const outlook = await screen.findByTestId('outlook');
  expect(outlook.textContent).toContain(
    'Blocked: v1.0 exists and the repository is IMMUTABLE_WITH_EXCLUSION.',
  );
  expect((await submit('Add tag')).disabled).toBe(true);
});

it('names the exclusion filter that lets a tag move, and moves it with the manifest as it is', async () => {
  const user = userEvent.setup();
  const onDone = vi.fn();
  open(onDone);
  await user.type(await screen.findByLabelText('Tag name'), 'dev-1');
  expect((await screen.findByTestId('outlook')).textContent).toContain(
    'the exclusion filter “dev-*” lets dev-1 move',
  );
  await user.click(await submit('Move tag'));
  await waitFor(() => expect(onDone).toHaveBeenCalled());
  const put = ecr.send.mock.calls.map(([command]) => command).find((one) => one instanceof PutImageCommand);
  expect(put?.input).toEqual({
    repositoryName: 'app',
    imageTag: 'dev-1',
    imageManifest: '{"a": 1}',
    imageManifestMediaType: 'application/json',
  });
});

it('refuses names that tags do not have while they are typed', async () => {
  const user = userEvent.setup();
  open();
  await user.type(await screen.findByLabelText('Tag name'), '-x');
  expect(await screen.findByText('The name begins with a period or a hyphen.')).toBeTruthy();
});
