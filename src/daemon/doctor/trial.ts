/**
 * A session that is tried: until it is Established, and then ended at once with a Cease. No sooner: a router that refuses
 * our OPEN may have sent its own before. No route is sent, and none is used.
 */
import type { PeerSettings } from '../../bgp/settings.ts';
import { silence } from '../../bgp/symptom.ts';
import { monotonicMs } from '../../io/clock.ts';
import { Speaker } from '../speaker.ts';

export interface Outcome {
  /** Why it came to nothing, in the words of `show peers`; absent: it came up. */
  readonly error?: string;
  /** Until then, ms. */
  readonly tookMs: number;
}

/** How long a router may take. It answers in milliseconds, or its TCP drops our segments without a word. */
const TIMEOUT_MS = 5_000;

export async function trySession(settings: PeerSettings, timeoutMs = TIMEOUT_MS): Promise<Outcome> {
  const start = monotonicMs();
  let end: (error?: string) => void = () => {};
  const ended = new Promise<string | undefined>((resolve) => {
    end = resolve;
  });
  const speaker = new Speaker({
    state: (_, from, to, reason) => {
      if (to === 'Established') end();
      else if (from !== 'Idle' && (to === 'Idle' || to === 'Active')) end(reason);
    },
    unanswered: (_, reason) => end(reason),
    problem: (text) => end(text),
  });
  const timer = setTimeout(() => end(silence(settings)), timeoutMs);
  // Nobody watches this one by BFD, and the router is not to wait for it afterwards.
  const { bfd: _, restartTimeSec: __, ...plain } = settings;
  const peer = speaker.add(plain);
  speaker.start(peer);
  const error = await ended;
  clearTimeout(timer);
  const tookMs = monotonicMs() - start;
  const why = error === undefined ? undefined : peer.session.lastError || error;
  await speaker.stop();
  return { tookMs, ...(why !== undefined && { error: why }) };
}
