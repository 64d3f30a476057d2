#!/usr/bin/env node
// The executable. Checks Node's age before anything is loaded that an old one cannot even parse; all else is cli.ts.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`svchost needs Node 22.18 or later; this is ${process.version}`);
  process.exit(64);
}

// Not awaited at the top: a Node that is too old would fail on the syntax before the check above.
void import('./cli.ts').then(({ main }) => main(process.argv));

export {};
