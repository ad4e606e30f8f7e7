// The closing line of `npm test`: adds up vitest's JSON reports. Usage: node scripts/tally.mjs [--complete] REPORT…
// A report that is missing or holds no test counts as a failure, and so does, with --complete, a skipped test.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const complete = process.argv.includes('--complete');
const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
let passed = 0;
let failed = 0;
const skipped = [];

for (const path of paths) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    console.log(`no report: ${error.message}`);
    failed++;
    continue;
  }
  if (report.numTotalTests === 0) {
    console.log(`no test ran: ${path}`);
    failed++;
  }
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  for (const file of report.testResults) {
    // A file that cannot be loaded, or whose hooks fail, may hold no failed test.
    const tests = file.assertionResults;
    if (file.status === 'failed' && !tests.some((test) => test.status === 'failed')) failed++;
    for (const test of tests)
      if (test.status !== 'passed' && test.status !== 'failed')
        skipped.push(`${relative(process.cwd(), file.name)}: ${test.fullName}`);
  }
}

if (skipped.length) {
  console.log(`\nSkipped by the tests themselves${complete ? ', though everything they need is here' : ''}:`);
  for (const name of skipped) console.log(`  ${name}`);
  if (complete) failed += skipped.length;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
