/**
 * How BFD is to watch a path: the fields that MetalLB's BFDProfile and frr-k8s's `bfdProfiles` share, with the ranges and
 * defaults that they have there.
 */
import { z } from 'zod';
import type { Meta } from './model.ts';
import type { Findings, Path } from './problem.ts';
import { bool } from './schema.ts';

/** Every default is filled in. */
export interface BfdSettings {
  /** Least time between packets that we take, ms, 10..60000. */
  readonly receiveIntervalMs: number;
  /** Least time between packets that we send, ms, 10..60000. */
  readonly transmitIntervalMs: number;
  /** Packets in a row that may be lost before the path is taken to be down, 2..255. */
  readonly detectMultiplier: number;
  /** The peer speaks first. */
  readonly passive: boolean;
  /** TTL or hop limit that packets of a multihop session arrive with at least, 1..254. */
  readonly minimumTtl: number;
}

export interface BfdProfile extends Meta {
  readonly settings: BfdSettings;
}

/** A whole number in a range, both ends included, refused in MetalLB's words. */
const within = (min: number, max: number) => {
  const error = ({ input }: { readonly input?: unknown }) => `invalid value ${input}, must be in ${min}-${max} range`;
  return z.int().min(min, { error }).max(max, { error });
};

export const bfdShape = () => ({
  receiveInterval: within(10, 60_000)
    .optional()
    .describe('Shortest time between packets that we accept, 10..60000 milliseconds. Default 300.'),
  transmitInterval: within(10, 60_000)
    .optional()
    .describe('Shortest time between packets that we send, 10..60000 milliseconds. Default 300.'),
  detectMultiplier: within(2, 255)
    .optional()
    .describe('Packets in a row that must be lost before the session is down, 2..255. Default 3.'),
  echoInterval: within(10, 60_000).optional().describe('Without effect: it belongs to echoMode.'),
  echoMode: bool().optional().describe('Only false: the Echo function is not implemented.'),
  passiveMode: bool().optional().describe('Send nothing before the peer does. Default false.'),
  minimumTtl: within(1, 254)
    .optional()
    .describe('Lowest TTL or hop limit that packets of multihop sessions may arrive with, 1..254. Default 254.'),
});

export type BfdFields = z.output<z.ZodObject<ReturnType<typeof bfdShape>>>;

/** @param path that of the mapping which the fields stand in */
export function readBfd(fields: BfdFields, path: Path, findings: Findings): BfdSettings {
  if (fields.echoMode)
    findings.error(
      [...path, 'echoMode'],
      'the Echo function (RFC 5880 §6.4) is not implemented',
      'leave it out: Control packets detect failures without it',
    );
  else if (fields.echoInterval !== undefined)
    findings.warn([...path, 'echoInterval'], 'has no effect without echoMode, which is not implemented');
  return {
    receiveIntervalMs: fields.receiveInterval ?? 300,
    transmitIntervalMs: fields.transmitInterval ?? 300,
    detectMultiplier: fields.detectMultiplier ?? 3,
    passive: fields.passiveMode ?? false,
    minimumTtl: fields.minimumTtl ?? 254,
  };
}
