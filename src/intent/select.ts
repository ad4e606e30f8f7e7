/** Label selectors as Kubernetes evaluates them (metav1.LabelSelector). */
import type { Labels, Selector } from '../config/model.ts';

/** All requirements hold. */
export const matches = (selector: Selector, labels: Labels): boolean =>
  selector.requirements.every((requirement) => holds(requirement, labels));

/** As upstream, NotIn also holds for a label that is absent. */
function holds({ key, operator, values }: Selector['requirements'][number], labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** Any selector of a list matches; an empty list restricts nothing. */
export const matchesAny = (selectors: readonly Selector[], labels: Labels): boolean =>
  selectors.length === 0 || selectors.some((s) => matches(s, labels));
