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
  else if (keepaliveTimeSec < 1 && holdTimeSec > 0)
    findings.error(
      ['spec', 'keepaliveTime'],
      `invalid keepaliveTime: without keepalives the hold time of ${holdTimeSec} s runs out`,
      'at least 1s',
    );
  return { holdTimeSec, keepaliveTimeSec };
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
