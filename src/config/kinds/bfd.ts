/** group metallb.io: BFDProfile. */
import { z } from 'zod';
import { bfdShape, readBfd } from '../bfd.ts';
import { defineKind, type Kind } from '../kind.ts';
import { documentSchema } from '../schema.ts';
import { metallb } from './metallb.ts';

const profile = defineKind({
  kind: 'BFDProfile',
  apiVersion: 'metallb.io/v1beta1',
  ...metallb,
  summary: 'How BFD watches the path to the BGPPeers that name it.',
  schema: () => documentSchema({ spec: z.object(bfdShape()).optional() }),
  read: ({ spec = {} }, meta, findings) => ({
    type: 'bfdProfile',
    value: { ...meta, settings: readBfd(spec, ['spec'], findings) },
  }),
});

export const kinds: readonly Kind[] = [profile];
