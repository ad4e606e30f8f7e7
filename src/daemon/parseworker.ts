/** Entry of the parser's thread. */
import { batches, parseChunk } from '../config/parse.ts';
import { serveThread } from '../io/worker.ts';

serveThread((text: string) => batches(parseChunk(text)));
