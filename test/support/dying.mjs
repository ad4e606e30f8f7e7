/** With --import, or as a thread's entry: every thread but the main one ends with an error as soon as it begins. */
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) throw new Error('planted');
