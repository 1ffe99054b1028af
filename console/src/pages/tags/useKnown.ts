import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import type { TagSetting } from '../../lib/immutability';
import { type Loading, useLoad } from '../../lib/load';
import { type Found, findImage, settingOf } from './api';
import { checkTag } from './outlook';

/** What a dialog asks about: a tag of one repository, and the image of another one, or of the same, that it shall point at. */
export interface Question {
  repository: string;
  tag: string;
  from: string;
  reference: string;
}

/** What is known of both images and of the setting that decides. */
export interface Known {
  /** What it was asked for: what is typed may be ahead of it. */
  question: Question;
  now: Found | null;
  then: Found | null;
  setting: TagSetting;
}

const pause = 250;

function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pause);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** useKnown looks up what a question is about, when it has not changed for a moment. */
export function useKnown(
  active: boolean,
  { repository, tag, from, reference }: Question,
): Loading<Known | null> {
  const clients = useClients();
  const settledTag = useSettled(tag);
  const settledReference = useSettled(reference);
  return useLoad(
    async (signal) => {
      if (!active) return null;
      const question = { repository, tag: settledTag, from, reference: settledReference };
      const [setting, now, then] = await Promise.all([
        settingOf(clients.ecr, repository, signal),
        checkTag(settledTag) ? null : findImage(clients, repository, settledTag, signal),
        settledReference ? findImage(clients, from, settledReference, signal) : null,
      ]);
      return { question, now, then, setting };
    },
    [clients, active, repository, settledTag, from, settledReference],
  );
}
