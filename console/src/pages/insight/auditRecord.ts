import { instant, parsed, record, text } from '../../lib/json';

/** A Call is what the table of the audit trail shows of a record. */
export interface Call {
  key: string;
  at?: Date;
  operation: string;
  /** The code of the refusal; nothing where it was allowed. */
  refusal?: string;
  who?: string;
  source?: string;
  json: string;
}

/** callOf reads a record, whatever it lacks. */
export function callOf(json: string, index: number): Call {
  const fields = record(parsed(json));
  return {
    key: text(fields.eventID) ?? String(index),
    at: instant(fields.eventTime),
    operation: text(fields.eventName) ?? '–',
    refusal: text(fields.errorCode),
    who: text(record(fields.userIdentity).arn),
    source: text(fields.sourceIPAddress),
    json,
  };
}
