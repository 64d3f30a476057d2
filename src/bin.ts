#!/usr/bin/env node
// The executable. Checks the version of Node before it loads code that an old Node cannot parse; the rest is in cli.ts.

const { bun, deno } = process.versions as { readonly bun?: string; readonly deno?: string };

if (bun !== undefined || deno !== undefined) {
  const found = bun === undefined ? `Deno ${deno}` : `Bun ${bun}`;
  console.error(`svchost runs on Node; this is ${found}. Start it with npx svchost, or with node`);
  process.exit(64);
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`svchost needs Node 22.18 or later; this is ${process.version}`);
  process.exit(64);
}

// No top-level await: an old Node would fail to parse it, before the check above.
void import('./cli.ts').then(({ main }) => main(process.argv));

export {};
