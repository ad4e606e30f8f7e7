/**
 * The last decisions and changes of state with their reasons, in memory: what `show events` prints. What repeats itself
 * (a peer that does not answer, dialled again and again) is one event with a count, so that it drives nothing else out.
 */
import { monotonicMs, wallClockAt } from '../io/clock.ts';

/** What an event is about. */
export type EventKind =
  | 'configuration'
  | 'drain'
  | 'peer'
  | 'session'
  | 'bfd'
  /** The speaker of another node. */
  | 'member'
  | 'service'
  | 'layer2'
  /** The node's network by policies; their subject is the policy. */
  | 'network'
  /** Learned routes in the kernel. */
  | 'route'
  /** Objects of the kernel that cannot be read; their subject is what they are. */
  | 'kernel'
  | 'egress';

export interface Happening {
  readonly kind: EventKind;
  /** A peer's name, a Service's `namespace/name`, an address …; '' for the node itself. */
  readonly subject: string;
  /** In a few words: `session down`, `service withdrawn`. */
  readonly event: string;
  /** The reason word, or what the peer or the system said. */
  readonly reason?: string;
  readonly detail?: string;
}

interface Entry extends Happening {
  seq: number;
  readonly firstMs: number;
  lastMs: number;
  count: number;
}

/** As `show events` prints it. */
export interface EventRow {
  /** Grows with every event; gaps are those that were repeated later. */
  readonly seq: number;
  /** ISO 8601; the latest, where there were several. */
  readonly time: string;
  /** When it happened first. */
  readonly since: string;
  readonly count: number;
  readonly kind: EventKind;
  readonly subject: string;
  readonly event: string;
  readonly reason: string | null;
  readonly detail: string;
}

const CAPACITY = 1000;

export class Journal {
  /** In order of `seq`. */
  private readonly entries = new Map<number, Entry>();
  /** By what they are about. */
  private readonly latest = new Map<string, Entry>();
  private readonly capacity: number;
  private seq = 0;

  constructor(capacity = CAPACITY) {
    this.capacity = capacity;
  }

  add(happening: Happening): void {
    const about = `${happening.kind} ${happening.subject}`;
    const last = this.latest.get(about);
    const now = monotonicMs();
    const seq = ++this.seq;
    if (last !== undefined && isSame(last, happening)) {
      this.entries.delete(last.seq);
      Object.assign(last, { seq, lastMs: now, count: last.count + 1 });
      this.entries.set(seq, last);
      return;
    }
    const entry = { ...happening, seq, firstMs: now, lastMs: now, count: 1 };
    this.entries.set(seq, entry);
    this.latest.set(about, entry);
    if (this.entries.size > this.capacity) this.dropOldest();
  }

  /** Those after this number, oldest first; all of them where the number was given out by a process before this one. */
  *rows(after = 0): Generator<EventRow> {
    if (after > this.seq) after = 0;
    for (const entry of [...this.entries.values()]) if (entry.seq > after) yield rowOf(entry);
  }

  private dropOldest(): void {
    const [oldest] = this.entries.values();
    this.entries.delete(oldest!.seq);
    const about = `${oldest!.kind} ${oldest!.subject}`;
    if (this.latest.get(about) === oldest) this.latest.delete(about);
  }
}

const isSame = (a: Happening, b: Happening): boolean =>
  a.event === b.event && a.reason === b.reason && a.detail === b.detail;

const rowOf = ({ seq, firstMs, lastMs, count, kind, subject, event, reason, detail }: Entry): EventRow => ({
  seq,
  time: wallClockAt(lastMs),
  since: wallClockAt(firstMs),
  count,
  kind,
  subject,
  event,
  reason: reason || null,
  detail: detail ?? '',
});
