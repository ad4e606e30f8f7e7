/** The timers of a session as a BGPPeer gives them: durations to whole seconds. */
import { parseDuration } from './duration.ts';
import type { Peer } from './model.ts';
import type { Findings, Path } from './problem.ts';

/** Fields of a BGPPeer's spec. */
interface Spec {
  readonly holdTime?: string | undefined;
  readonly keepaliveTime?: string | undefined;
  readonly connectTime?: string | undefined;
}

/** One alone derives the other; both count in whole seconds. Upstream: internal/config/config.go, parseTimers. */
export function readTimers(spec: Spec, findings: Findings): Pick<Peer, 'holdTimeSec' | 'keepaliveTimeSec'> {
  const hold = readDuration(spec, 'holdTime', findings);
  const keepalive = readDuration(spec, 'keepaliveTime', findings);
  if (hold === undefined && keepalive === undefined) return {};
  const holdTimeSec = Math.trunc((hold ?? keepalive! * 3) / 1000);
  const keepaliveTimeSec = Math.trunc((keepalive ?? hold! / 3) / 1000);
  const holdField = ['spec', hold === undefined ? 'keepaliveTime' : 'holdTime'];
  if (holdTimeSec !== 0 && (holdTimeSec < 3 || holdTimeSec > 0xffff))
    findings.error(holdField, `invalid hold time: ${holdTimeSec} s`, '0s, or 3s to 65535s');
  else if ((hold ?? keepalive!) < 0) findings.error(holdField, 'invalid hold time: it is negative');
  else if (keepaliveTimeSec > holdTimeSec)
    findings.error(
      ['spec', 'keepaliveTime'],
      `invalid keepaliveTime: ${keepaliveTimeSec} s is more than the hold time of ${holdTimeSec} s`,
    );
  else if (keepaliveTimeSec < 1 && holdTimeSec > 0) {
    warnSilent(holdTimeSec, ['spec', 'keepaliveTime'], findings);
    return { holdTimeSec, keepaliveTimeSec: Math.trunc(holdTimeSec / 3) };
  }
  if (holdTimeSec === 0) warnRounded(hold ?? keepalive!, holdField, findings);
  return { holdTimeSec, keepaliveTimeSec };
}

/** Without keepalives the hold time of the peer runs out. MetalLB's own examples have that, so it is put right here. */
export function warnSilent(holdTimeSec: number, path: Path, findings: Findings): void {
  const third = Math.trunc(holdTimeSec / 3);
  findings.warn(
    path,
    `without keepalives the hold time of ${holdTimeSec} s runs out: one is sent every ${third} s`,
    `write ${third}s, or leave it out`,
  );
}

/** Seconds are whole: less than one is none, and with that silence is never noticed. */
export function warnRounded(ms: number, path: Path, findings: Findings): void {
  if (ms > 0) findings.warn(path, 'counts as 0s: a peer that falls silent is never given up', '3s or more, or 0s');
}

/** Whole seconds, 1..65535. */
export function readConnectTime(spec: Spec, findings: Findings): Pick<Peer, 'connectTimeSec'> {
  const ms = readDuration(spec, 'connectTime', findings);
  if (ms === undefined) return {};
  const connectTimeSec = ms / 1000;
  if (!Number.isInteger(connectTimeSec) || connectTimeSec < 1 || connectTimeSec > 65535)
    findings.error(
      ['spec', 'connectTime'],
      `invalid connect time ${JSON.stringify(spec.connectTime)}`,
      'whole seconds, 1s to 65535s',
    );
  return { connectTimeSec };
}

function readDuration(spec: Spec, field: keyof Spec, findings: Findings): number | undefined {
  const text = spec[field];
  return text === undefined ? undefined : durationMs(text, ['spec', field], findings);
}

/** Milliseconds of a duration; undefined where it is none, which is then among the findings. */
export function durationMs(text: string, path: Path, findings: Findings): number | undefined {
  const ms = parseDuration(text);
  if (ms === undefined) findings.error(path, `invalid duration ${JSON.stringify(text)}`, durationHint(text));
  return ms;
}

/** How to write a duration, for somebody who wrote `text`. */
export const durationHint = (text: string): string =>
  /^\d+(\.\d+)?$/.test(text) ? `write "${text}s" for seconds` : 'write it like "90s" or "1m30s"';
