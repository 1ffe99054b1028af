// Policies are read with their places, so that what is wrong can be shown where it
// is. JSON.parse forgets them, and says where an error is differently in each browser.

/** A Node is a value of a JSON text, and from where to where it goes. */
export type Node = { from: number; to: number } & (
  | { kind: 'object'; members: Member[] }
  | { kind: 'array'; items: Node[] }
  | { kind: 'string'; value: string }
  | { kind: 'literal'; text: string }
);

export interface Member {
  name: string;
  /** Where the name begins. */
  from: number;
  value: Node;
}

/** A JsonError is where a text stops being JSON, and why. */
export class JsonError extends Error {
  readonly at: number;
  readonly reason: Reason;
  constructor(at: number, reason: Reason) {
    super(reason);
    this.at = at;
    this.reason = reason;
  }
}

export type Reason = 'value' | 'name' | 'colon' | 'comma' | 'string' | 'escape' | 'end' | 'deep' | 'empty';

const deepest = 50;
const literal = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.-])/y;

class Reader {
  private at = 0;
  private readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  document(): Node {
    this.space();
    if (this.at === this.text.length) throw new JsonError(0, 'empty');
    const node = this.value(0);
    this.space();
    if (this.at < this.text.length) this.fail('end');
    return node;
  }

  private fail(reason: Reason, at = this.at): never {
    throw new JsonError(at, reason);
  }

  private space() {
    while (' \t\r\n'.includes(this.text[this.at] ?? 'x')) this.at++;
  }

  private takes(mark: string): boolean {
    this.space();
    if (this.text[this.at] !== mark) return false;
    this.at++;
    return true;
  }

  private value(depth: number): Node {
    this.space();
    if (depth > deepest) this.fail('deep');
    const from = this.at;
    if (this.takes('{')) return { kind: 'object', from, members: this.members(depth), to: this.at };
    if (this.takes('[')) return { kind: 'array', from, items: this.items(depth), to: this.at };
    if (this.text[from] === '"') return { kind: 'string', from, value: this.string(), to: this.at };
    literal.lastIndex = from;
    const found = literal.exec(this.text);
    if (!found) this.fail('value');
    this.at += found[0].length;
    return { kind: 'literal', from, text: found[0], to: this.at };
  }

  private members(depth: number): Member[] {
    const members: Member[] = [];
    if (this.takes('}')) return members;
    do {
      this.space();
      const from = this.at;
      if (this.text[from] !== '"') this.fail('name');
      const name = this.string();
      if (!this.takes(':')) this.fail('colon');
      members.push({ name, from, value: this.value(depth + 1) });
    } while (this.takes(','));
    if (!this.takes('}')) this.fail('comma');
    return members;
  }

  private items(depth: number): Node[] {
    const items: Node[] = [];
    if (this.takes(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.takes(','));
    if (!this.takes(']')) this.fail('comma');
    return items;
  }

  private string(): string {
    const from = this.at++;
    while (this.text[this.at] !== '"') {
      if (this.at >= this.text.length || this.text[this.at] < ' ') this.fail('string', from);
      this.at += this.text[this.at] === '\\' ? 2 : 1;
    }
    this.at++;
    try {
      return JSON.parse(this.text.slice(from, this.at)) as string;
    } catch {
      return this.fail('escape', from);
    }
  }
}

/** read is the value of a JSON text with its places; it throws a JsonError. */
export const read = (text: string): Node => new Reader(text).document();

/** placeOf is the line and the column of a position, both counted from one. */
export function placeOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: before[before.length - 1].length + 1 };
}

/** listed are the items of a list, or the one value that stands for a list of one. */
export const listed = (node: Node): Node[] => (node.kind === 'array' ? node.items : [node]);

/** memberOf is the last member of that name, as it counts. */
export const memberOf = (node: Node | undefined, name: string): Node | undefined =>
  node?.kind === 'object' ? node.members.findLast((one) => one.name === name)?.value : undefined;
