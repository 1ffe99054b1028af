import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState } from 'react';
import { useClients } from '../../../api/clients';
import type { ExplainAccessResponse, MatchedStatement } from '../../../api/nifuda.gen';
import Cli from '../../../components/Cli';
import ErrorAlert from '../../../components/ErrorAlert';
import { useTexts } from '../useTexts';
import Decision from './Decision';
import QuestionFields from './QuestionFields';
import { explainCommand, isComplete, type Question, requestOf } from './question';

interface Properties {
  resource?: string;
  resourceFixed?: boolean;
  first?: Question;
  heading?: 'h1' | 'h2';
  isOwn?: (statement: MatchedStatement) => boolean;
  onMatched?: (statements: MatchedStatement[]) => void;
  /** onAsked is told what is asked, before the answer. */
  onAsked?: (question: Question) => void;
}

/** Simulator asks the server whether someone may do something, and shows which statement says so. */
export default function Simulator(p: Properties) {
  const { t } = useTexts();
  const { own, session } = useClients();
  const [question, setQuestion] = useState<Question>(
    () =>
      p.first ?? {
        principal: session.arn,
        action: 'ecr:BatchGetImage',
        resource: p.resource ?? '',
        context: [],
      },
  );
  const [answer, setAnswer] = useState<ExplainAccessResponse>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const ask = async () => {
    if (busy || !isComplete(question)) return;
    setBusy(true);
    setError(undefined);
    setAnswer(undefined);
    p.onAsked?.(question);
    try {
      const found = await own('ExplainAccess', requestOf(question));
      setAnswer(found);
      p.onMatched?.(found.MatchedStatements);
    } catch (failure) {
      setError(failure);
      p.onMatched?.([]);
    } finally {
      setBusy(false);
    }
  };
  // Who comes by a link to a whole question wants its answer.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only at the beginning
  useEffect(() => {
    if (p.first && isComplete(p.first)) void ask();
  }, []);
  return (
    <Container
      header={
        <Header variant={p.heading ?? 'h2'} description={t('simulator.description')}>
          {t('access.simulator')}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void ask();
          }}
        >
          <Form
            actions={
              <Button variant="primary" formAction="submit" disabled={!isComplete(question)} loading={busy}>
                {t('simulator.ask')}
              </Button>
            }
          >
            <QuestionFields question={question} onChange={setQuestion} resourceFixed={p.resourceFixed} />
          </Form>
        </form>
        <ErrorAlert error={error} />
        <div aria-live="polite">
          {answer ? (
            <Decision answer={answer} isOwn={p.isOwn} />
          ) : (
            <Box color="text-body-secondary">{t('simulator.hint')}</Box>
          )}
        </div>
        {isComplete(question) && <Cli commands={[explainCommand(question)]} />}
      </SpaceBetween>
    </Container>
  );
}
