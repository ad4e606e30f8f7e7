/**
 * What one daemon alone may have: its state directory, and what it changes in its network namespace. Two that change the same
 * take away what the other has put there, without end. So whatever a configuration needs of this is taken before it is applied,
 * and one that needs what another daemon has is refused; what the next one does not need is given up.
 *
 * Daemons that change different things live beside each other: those that learn nothing, or whose routes have another protocol
 * or metric.
 */
import type { Configuration, Diagnostic, Meta } from '../config/model.ts';
import { policiesHere, wishesOf } from '../intent/network.ts';
import { learningPeers } from '../intent/peers.ts';
import { type Holder, isHeld, type Lock, lockFolder, lockName } from '../io/lock.ts';
import { equal } from '../lib/diff.ts';
import { isEmpty } from './network/wishes.ts';

/** Something that a configuration needs for itself. */
interface Need {
  /** The same for all daemons that would be in each other's way. */
  readonly key: string;
  take(): Lock | Holder;
  /** What is said where another daemon has it; absent: nothing, it is done without. */
  readonly refused?: Refused;
}

interface Refused {
  /** The document that needs it; absent: the Speaker, and its field. */
  readonly document?: Meta | undefined;
  readonly path: string;
  /** What is not to be had, and what can be done beside ending the other daemon. */
  readonly what: string;
  readonly instead: string;
}

/** Of what an earlier process may have left something in the kernel. */
export type Left = Readonly<Record<'routes' | 'loopback' | 'egress', boolean>>;

export class Exclusive {
  private readonly locks = new Map<string, Lock>();

  /**
   * Takes what the configuration needs, and gives up the rest.
   * @param left what is taken too, where no other daemon has it
   * @returns errors where another daemon has what is needed: nothing is changed then
   */
  take(config: Configuration, left: Left): readonly Diagnostic[] {
    const needs = needsOf(config, left);
    const taken = new Map<string, Lock>();
    const errors: Diagnostic[] = [];
    for (const { key, take, refused } of needs) {
      if (this.locks.has(key)) continue;
      const result = take();
      if (!isHeld(result)) taken.set(key, result);
      else if (refused !== undefined) errors.push(refusal(refused, result, config));
    }
    if (errors.length > 0) for (const lock of taken.values()) lock.release();
    else {
      for (const [key, lock] of taken) this.locks.set(key, lock);
      const wanted = new Set(needs.map(({ key }) => key));
      for (const key of [...this.locks.keys()]) if (!wanted.has(key)) this.give(key);
    }
    return errors;
  }

  /** What of this is found in the kernel under our mark is ours. */
  has(what: keyof Left): boolean {
    return [...this.locks.keys()].some((key) => key.startsWith(`waypost ${what}`));
  }

  release(): void {
    for (const key of [...this.locks.keys()]) this.give(key);
  }

  private give(key: string): void {
    this.locks.get(key)!.release();
    this.locks.delete(key);
  }
}

function needsOf(config: Configuration, left: Left): readonly Need[] {
  const { layer2Advertisements, egress } = config;
  const { stateDir, kernel, loopbackAddresses } = config.speaker;
  const state = {
    path: 'spec.stateDir',
    what: `${stateDir} is the state directory of another daemon`,
    instead: 'give each a spec.stateDir of its own',
  };
  const needs: Need[] = [{ key: `folder ${stateDir}`, take: () => lockFolder(stateDir), refused: state }];
  const named = (key: string, needed: boolean, refused: Refused, leftover = false) => {
    const take = () => lockName(key);
    if (needed) needs.push({ key, take, refused });
    else if (leftover) needs.push({ key, take });
  };
  const { install, protocol, metric } = kernel;
  const [learning] = learningPeers(config);
  if (install)
    named(
      `waypost routes ${protocol} ${metric}`,
      learning !== undefined,
      {
        document: learning,
        path: '',
        what: `routes with protocol ${protocol} and metric ${metric} are those that another daemon in this network namespace has learned`,
        instead: 'give one of the two Speakers another spec.kernel.protocol, or spec.kernel.install: false',
      },
      left.routes,
    );
  named('waypost layer2', layer2Advertisements.length > 0, {
    document: layer2Advertisements[0],
    path: '',
    what: 'another daemon in this network namespace announces addresses on layer 2',
    instead: 'leave L2Advertisements to one of the two',
  });
  named(
    'waypost loopback',
    loopbackAddresses.length > 0,
    {
      path: 'spec.loopbackAddresses',
      what: 'another daemon in this network namespace puts addresses on the loopback',
      instead: 'leave that to one of the two',
    },
    left.loopback,
  );
  const [carried] = egress.values();
  named(
    'waypost egress',
    carried !== undefined,
    {
      document: carried?.document,
      path: '',
      what: 'another daemon in this network namespace carries out EgressServices',
      instead: 'leave them to one of the two',
    },
    left.egress,
  );
  named(
    'waypost network',
    [...wishesOf(config).values()].some((wish) => !isEmpty(wish)),
    {
      document: policiesHere(config)[0],
      path: 'spec.network',
      what: 'another daemon in this network namespace sets up its network',
      instead: 'leave NodeNetworkConfigurationPolicies and spec.network to one of the two',
    },
  );
  return needs;
}

/** Transient: it passes when the other daemon ends. */
function refusal({ document, path, what, instead }: Refused, { pid }: Holder, config: Configuration): Diagnostic {
  const { documents, speaker } = config;
  const own = documents.find(({ kind, name }) => kind === 'Speaker' && name === speaker.name);
  // A peer of an FRRConfiguration has a name of its own.
  const whole = document && (documents.find(({ position }) => equal(position, document.position)) ?? document);
  const { kind, name, position } = whole ?? own ?? documents[0]!;
  const [who, end] =
    pid === undefined
      ? ['a process that is not seen from here, as in another container', 'stop it']
      : [`process ${pid}`, `stop it (kill ${pid})`];
  return {
    severity: 'error',
    position,
    subject: `${kind}/${name}`,
    path: document === undefined && own !== undefined ? path : '',
    message: `${what}: ${who}`,
    hint: `${end}, or ${instead}`,
    transient: true,
  };
}
