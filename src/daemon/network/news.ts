/** What becomes of the node's network, in the log and for `show events`. What stays true is said once. */
import { SPEAKER } from '../../intent/network.ts';
import type { Logger } from '../../io/log.ts';
import { isEmpty, type Wishes } from './wishes.ts';

/** For `show events`; the policy is '' where it is about the Speaker document, or all of them. */
export type Happened = (policy: string, event: string, reason: string) => void;

export class News {
  private readonly log: Logger;
  private readonly happened: Happened;
  /** The reason that was said last, by what it is about. */
  private readonly told = new Map<string, string>();
  private waited: readonly string[] = [];

  constructor(log: Logger, happened: Happened) {
    this.log = log;
    this.happened = happened;
  }

  /** Why policies are not in force that have not failed: all of them. */
  waiting(reasons: ReadonlyMap<string, string>): void {
    for (const [name, reason] of reasons)
      this.once(waits(name), reason, name === SPEAKER ? "the Speaker's network waits" : 'policy waits', name);
    for (const name of this.waited) if (!reasons.has(name)) this.told.delete(waits(name));
    this.waited = [...reasons.keys()];
  }

  /** None when it is as it should be. */
  problems(problems: readonly string[]): void {
    this.once('problems', problems.join('; '), 'the network is not as it should be');
  }

  /** Absent when it can be worked on. */
  broken(error?: Error): void {
    this.once('broken', error?.message ?? '', 'the network cannot be set up');
  }

  interrupted(interruptions: number): void {
    const event = 'a change of the network was interrupted: taking it back';
    this.log.warn({ interruptions }, event);
    this.happened('', event, '');
  }

  putRight(steps: number): void {
    const event = 'the network was changed by somebody else: put right';
    this.log.info({ steps }, event);
    this.happened('', event, '');
  }

  changing(names: readonly string[]): void {
    this.log.info({ policies: names.map(titleOf) }, 'changing the network');
  }

  confirmed(names: readonly string[], wishes: Wishes, steps: number): void {
    this.log.info({ policies: names.map(titleOf), steps }, 'the change of the network is confirmed');
    for (const name of names)
      if (name !== SPEAKER) this.happened(name, wishes.has(name) ? 'policy applied' : 'policy removed', '');
      else if (!isEmpty(wishes.get(name))) this.happened('', "the Speaker's network applied", '');
  }

  oneByOne(names: readonly string[], reason: string): void {
    const event = 'the change of the network was taken back: now one policy at a time';
    this.log.warn({ policies: names.map(titleOf), reason }, event);
  }

  failed(names: readonly string[], reason: string): void {
    for (const name of names) {
      const fields = name === SPEAKER ? { document: 'Speaker' } : { policy: name };
      this.log.error({ ...fields, reason }, 'the change of the network was taken back');
      this.happened(name, 'policy taken back', reason);
    }
  }

  /** @param reason empty once it is over */
  private once(about: string, reason: string, event: string, policy = SPEAKER): void {
    if ((this.told.get(about) ?? '') === reason) return;
    this.told.set(about, reason);
    if (reason === '') return;
    this.log.warn({ ...(policy !== SPEAKER && { policy }), reason }, event);
    this.happened(policy, event, reason);
  }
}

const waits = (name: string): string => `waits ${name}`;
const titleOf = (name: string): string => (name === SPEAKER ? 'Speaker' : name);
