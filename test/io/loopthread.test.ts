import { expect, test } from 'vitest';
import { LoopThread } from '../../src/io/loopthread.ts';

test('a thread that dies is told of once; what is posted or asked after that does no harm', async () => {
  const failures: Error[] = [];
  let told = () => {};
  const failed = new Promise<void>((resolve) => {
    told = resolve;
  });
  const thread = new LoopThread<string, string>(new URL('../support/dying.mjs', import.meta.url), {
    message: () => {},
    failed(error) {
      failures.push(error);
      told();
    },
  });
  thread.post('before');
  await failed;
  thread.post('after');
  await thread.stop();
  expect(failures.map(({ message }) => message)).toEqual(['planted']);
});
