import { type ReactNode, Suspense, useState } from 'react';

/** Once loads what it holds when it is first wanted, and keeps it: a dialog gives the focus back only while it is mounted. */
export default function Once({ when, children }: { when: boolean; children: ReactNode }) {
  const [wanted, setWanted] = useState(when);
  if (when && !wanted) setWanted(true);
  return wanted ? <Suspense>{children}</Suspense> : null;
}
