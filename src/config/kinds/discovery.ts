/** group discovery.k8s.io: EndpointSlice. */
import { z } from 'zod';
import { defineKind, type Kind } from '../kind.ts';
import { anything, documentSchema } from '../schema.ts';

/** Names the Service that a slice belongs to. */
const serviceLabel = 'kubernetes.io/service-name';

const endpointSlice = defineKind({
  kind: 'EndpointSlice',
  apiVersion: 'discovery.k8s.io/v1',
  namespace: 'default',
  global: false,
  summary: `Where the endpoints of a Service run. The label ${serviceLabel} names the Service.`,
  schema: () =>
    documentSchema({
      addressType: anything(),
      ports: anything(),
      endpoints: z
        .array(
          z.object({
            addresses: z
              .array(z.string())
              .optional()
              .describe('Addresses of the endpoint; one without any does not count.'),
            nodeName: z.string().optional().describe('Node it runs on; without it the endpoint is local to none.'),
            conditions: z
              .object({ ready: z.boolean().optional(), serving: z.boolean().optional(), terminating: anything() })
              .optional()
              .describe('It counts when ready is true or absent, or serving is true.'),
            deprecatedTopology: anything(),
            hints: anything(),
            hostname: anything(),
            targetRef: anything(),
            zone: anything(),
          }),
        )
        .optional(),
    }),
  read({ endpoints = [] }, meta, findings) {
    const serviceName = meta.labels[serviceLabel] ?? '';
    if (serviceName === '') findings.warn(['metadata'], `the label ${serviceLabel} is missing: belongs to no Service`);
    return {
      type: 'endpointSlice',
      value: {
        ...meta,
        serviceName,
        endpoints: endpoints.map(({ addresses = [], nodeName, conditions }) => ({
          addresses,
          ...(nodeName !== undefined && { nodeName }),
          ...(conditions?.ready !== undefined && { ready: conditions.ready }),
          ...(conditions?.serving !== undefined && { serving: conditions.serving }),
        })),
      },
    };
  },
});

export const kinds: readonly Kind[] = [endpointSlice];
