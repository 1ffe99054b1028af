import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useMemo, useState } from 'react';
import type { MatchedStatement } from '../../../api/nifuda.gen';
import Cli from '../../../components/Cli';
import ConfirmDelete from '../../../components/ConfirmDelete';
import ErrorAlert from '../../../components/ErrorAlert';
import { useNotify } from '../../../components/notices';
import { pretty } from '../../../lib/json';
import { useLoad } from '../../../lib/load';
import Refused from '../Refused';
import { useTexts } from '../useTexts';
import AnonymousHint from './AnonymousHint';
import { checkPolicy, isSound, statementRanges } from './check';
import PolicyEditor from './PolicyEditor';
import Simulator from './Simulator';

/** A Source is where a policy of a resource is read and written. */
export interface Source {
  kind: 'repository' | 'registry';
  /** What the simulator asks about. */
  resource: string;
  /** resourceFixed keeps it. */
  resourceFixed: boolean;
  title: string;
  description: string;
  heading: 'h1' | 'h2';
  load: (signal: AbortSignal) => Promise<string | undefined>;
  save: (text: string, force: boolean) => Promise<unknown>;
  remove: () => Promise<unknown>;
  saveCommand: (text: string, force: boolean) => string[];
  removeCommand: string[];
  /** Whether a statement that decided is of this policy. */
  isOwn: (statement: MatchedStatement) => boolean;
}

/** ResourcePolicy shows the policy of a repository or a registry, and beside it what comes out of it. */
export default function ResourcePolicy({ source }: { source: Source }) {
  const { data, error, loading, reload } = useLoad(source.load, [source]);
  const [round, setRound] = useState(0);
  if (error && source.heading === 'h1') return <Refused name={source.title} error={error} retry={reload} />;
  if (error) return <ErrorAlert error={error} retry={reload} />;
  if (loading && data === undefined && round === 0) return <Spinner size="large" />;
  const saved = () => {
    setRound((n) => n + 1);
    reload();
  };
  return <Editing source={source} saved={data} onSaved={saved} />;
}

function Editing({
  source,
  saved,
  onSaved,
}: {
  source: Source;
  saved: string | undefined;
  onSaved: () => void;
}) {
  const { t } = useTexts();
  const [text, setText] = useState(() => pretty(saved ?? ''));
  const [matched, setMatched] = useState<MatchedStatement[]>([]);
  const changed = pretty(text) !== pretty(saved ?? '');
  const deciding = useMemo(() => {
    if (changed) return [];
    const ranges = statementRanges(text);
    const own = matched.filter(source.isOwn);
    return own.flatMap(({ StatementIndex = 0 }) => ranges.slice(StatementIndex - 1, StatementIndex));
  }, [matched, source, text, changed]);
  return (
    <Grid gridDefinition={[{ colspan: { default: 12, m: 7 } }, { colspan: { default: 12, m: 5 } }]}>
      <SpaceBetween size="l">
        <Container
          header={
            <Header variant={source.heading} description={source.description}>
              {source.title}
            </Header>
          }
        >
          <SpaceBetween size="m">
            {saved === undefined && text === '' && <Box>{t('policy.none')}</Box>}
            <PolicyEditor
              kind={source.kind}
              label={source.title}
              value={text}
              onChange={setText}
              deciding={deciding}
            />
            <AnonymousHint text={text} />
            <Actions source={source} text={text} setText={setText} saved={saved} onSaved={onSaved} />
          </SpaceBetween>
        </Container>
      </SpaceBetween>
      <SpaceBetween size="l">
        {changed && <Alert type="info">{t('simulator.savedOnly')}</Alert>}
        <Simulator
          resource={source.resource}
          resourceFixed={source.resourceFixed}
          isOwn={source.isOwn}
          onMatched={setMatched}
        />
      </SpaceBetween>
    </Grid>
  );
}

interface ActionsProperties {
  source: Source;
  text: string;
  setText: (text: string) => void;
  saved: string | undefined;
  onSaved: () => void;
}

function Actions({ source, text, setText, saved, onSaved }: ActionsProperties) {
  const { t } = useTexts();
  const notify = useNotify();
  const [force, setForce] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [deleting, setDeleting] = useState(false);
  const sound = text.trim() !== '' && isSound(checkPolicy(text, source.kind));
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await source.save(text, force);
      setText(pretty(text));
      notify('success', t('policy.savedNotice'));
      onSaved();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const remove = async () => {
    await source.remove();
    setDeleting(false);
    setText('');
    notify('success', t('policy.deletedNotice'));
    onSaved();
  };
  return (
    <SpaceBetween size="m">
      {source.kind === 'repository' && (
        <Checkbox
          checked={force}
          onChange={(e) => setForce(e.detail.checked)}
          description={t('policy.forceText')}
        >
          {t('policy.force')}
        </Checkbox>
      )}
      <ErrorAlert error={error} />
      <SpaceBetween direction="horizontal" size="xs">
        <Button variant="primary" disabled={!sound} loading={busy} onClick={save}>
          {t('common.save')}
        </Button>
        <Button disabled={text === pretty(saved ?? '')} onClick={() => setText(pretty(saved ?? ''))}>
          {t('policy.revert')}
        </Button>
        <Button disabled={saved === undefined} onClick={() => setDeleting(true)}>
          {t('common.delete')}
        </Button>
      </SpaceBetween>
      {sound && <Cli commands={[source.saveCommand(compact(text), force)]} />}
      <ConfirmDelete
        visible={deleting}
        header={t('policy.deleteHeader')}
        commands={[source.removeCommand]}
        onConfirm={remove}
        onClose={() => setDeleting(false)}
      >
        <Box>{t('policy.deleteText')}</Box>
      </ConfirmDelete>
    </SpaceBetween>
  );
}

const compact = (text: string) => JSON.stringify(JSON.parse(text));
