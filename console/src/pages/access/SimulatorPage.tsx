import './access.css';
import { useState } from 'react';
import { useClients } from '../../api/clients';
import { go, usePlace } from '../../lib/router';
import { addressOf, questionIn } from './policy/question';
import Simulator from './policy/Simulator';

/** SimulatorPage is the simulator alone; its address has the question. */
export default function SimulatorPage() {
  const { query } = usePlace();
  const { session } = useClients();
  const [first] = useState(() => (query.has('principal') ? questionIn(query) : undefined));
  return (
    <Simulator
      heading="h1"
      first={first}
      resource={`arn:aws:ecr:${session.region}:${session.account}:repository/app`}
      onAsked={(question) => go(`${location.pathname}?${addressOf(question)}`, true)}
    />
  );
}
