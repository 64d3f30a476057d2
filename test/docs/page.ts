// Splits a page of the documentation into its code blocks, headings and links. Pure.
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** A fenced code block. */
export interface Block {
  /**
   * The whole info string: a language; for commands that a machine with only Node cannot run, also their requirement.
   */
  readonly kind: string;
  readonly text: string;
  /** The line of its first line of code. */
  readonly line: number;
  /** The heading above it. */
  readonly section: string;
  /** The last file named in the paragraph before it. */
  readonly file: string | undefined;
}

/** A link of a page. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** One page of the documentation. */
export interface Page {
  /** Relative to the repository's root. */
  readonly name: string;
  readonly blocks: readonly Block[];
  /** The anchors of its headings, as GitHub generates them. */
  readonly anchors: ReadonlySet<string>;
  readonly links: readonly Link[];
}

/** Kinds of blocks that are files; the line before names the file. */
export const fileKinds = [
  'ts',
  'js',
  'json',
  'ini',
  'yaml',
  'dockerfile',
  'dockerignore',
  'python',
  'toml',
] as const;

/**
 * Kinds of commands that are checked and not run: they need a clone of this repository, a Docker engine, a cluster or a
 * registry.
 */
export const deskKinds = ['sh repository', 'sh docker', 'sh kubernetes', 'sh publish'] as const;

/** Kinds of blocks that are only for people. */
export const pictureKinds = ['text diagram', 'mermaid'] as const;

/** All kinds: also commands that are run, their output, and pictures. */
export const kinds: readonly string[] = [...fileKinds, ...deskKinds, 'sh', 'text', ...pictureKinds];

const fence = /^( *)```(.*)$/;

/** Reads a page of the repository. */
export function readPage(root: string, name: string): Page {
  return parsePage(name, readFileSync(path.join(root, name), 'utf8'));
}

/** Splits a page. */
export function parsePage(name: string, markdown: string): Page {
  const blocks: Block[] = [];
  const anchors = new Set<string>();
  const links: Link[] = [];
  let section = '';
  let paragraph: string[] = [];
  let isOver = false;
  let open: { kind: string; indent: number; line: number; lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    const [, indent = '', info] = fence.exec(line) ?? [];
    if (open) {
      if (info !== '') {
        open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)));
        continue;
      }
      const { kind, lines } = open;
      blocks.push({
        kind,
        text: `${lines.join('\n')}\n`,
        line: open.line,
        section,
        file: fileIn(paragraph.join(' ')),
      });
      open = undefined;
      paragraph = [];
    } else if (info !== undefined) {
      open = { kind: info.trim(), indent: indent.length, line: index + 2, lines: [] };
    } else if (/^#+ /.test(line)) {
      section = line.replace(/^#+ /, '');
      anchors.add(freeAnchor(anchorOf(section), anchors));
      paragraph = [];
    } else {
      links.push(...linksIn(line).map((target) => ({ target, line: index + 1 })));
      // A paragraph lasts until the next one begins: a block may come in between.
      if (line.trim() === '') isOver = true;
      else if (isOver) [paragraph, isOver] = [[line], false];
      else paragraph.push(line);
    }
  }
  if (open) throw new Error(`${name}:${open.line}: the block has no end`);
  return { name, blocks, anchors, links };
}

/** The anchor of a heading, not yet unique. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-');
}

function freeAnchor(anchor: string, taken: ReadonlySet<string>): string {
  for (let count = 0; ; count++) {
    const candidate = count === 0 ? anchor : `${anchor}-${count}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** A file's name in backticks: with an extension, or one of those without. */
function fileIn(paragraph: string): string | undefined {
  const spans = [...paragraph.matchAll(/`([^`]+)`/g)].map(([, span]) => span!);
  return spans.findLast((span) => /^[\w./-]*(\.[a-z]+|\.env[\w.]*|Dockerfile)$/.test(span));
}

function linksIn(line: string): string[] {
  const prose = line.replace(/`[^`]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
}
