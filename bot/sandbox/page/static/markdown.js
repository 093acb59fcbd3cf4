// The Markdown of streamed answers and `markdown` blocks, as nodes. What isn't known stays text.

"use strict";

const INLINE = /`([^`\n]+)`|\[([^\]\n]+)\]\(([^()\s]+)\)|\*\*(?=\S)([^\n]*?\S)\*\*|~~(?=\S)([^~\n]*?\S)~~|(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])|(?<!\w)_(?=\S)([^_\n]*?\S)_(?!\w)/g;
const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;

/** Make a function from Markdown to nodes; `h` makes elements, `anchor` links that may be followed. */
export function makeMarkdown(h, anchor) {
  function inline(text) {
    const nodes = [];
    let at = 0;
    for (const found of text.matchAll(INLINE)) {
      if (found.index > at) nodes.push(text.slice(at, found.index));
      const [all, code, label, address, bold, strike, star, line] = found;
      if (code !== undefined) nodes.push(h("code", {}, code));
      else if (label !== undefined) nodes.push(anchor(address, [label]));
      else if (bold !== undefined) nodes.push(h("strong", {}, inline(bold)));
      else if (strike !== undefined) nodes.push(h("s", {}, inline(strike)));
      else nodes.push(h("em", {}, inline(star ?? line)));
      at = found.index + all.length;
    }
    if (at < text.length) nodes.push(text.slice(at));
    return nodes;
  }

  function list(lines) {
    const ordered = /^\s*\d/.test(lines[0]);
    const start = ordered ? parseInt(lines[0].trim(), 10) : null;
    return h(ordered ? "ol" : "ul", { start }, lines.map((line) => h("li", {}, inline(ITEM.exec(line)[3]))));
  }

  return function markdown(text) {
    const nodes = [];
    const lines = text.split("\n");
    /** The lines from here on that fit; `at` is moved behind them. */
    let at = 0;
    const take = (fits) => {
      const from = at;
      while (at < lines.length && fits(lines[at])) at += 1;
      return lines.slice(from, at);
    };
    const isPlain = (line) => line.trim() !== "" && !/^(```|#{1,6}\s|>\s?)/.test(line) && !ITEM.test(line);
    while (at < lines.length) {
      const line = lines[at];
      if (line.startsWith("```")) {
        at += 1;
        // An answer that is still coming has no end of its code yet.
        nodes.push(h("pre", {}, take((next) => !next.startsWith("```")).join("\n")));
        at += 1;
      } else if (/^#{1,6}\s/.test(line)) {
        nodes.push(h("p", {}, h("strong", {}, inline(line.replace(/^#+\s+/, "")))));
        at += 1;
      } else if (/^>\s?/.test(line)) nodes.push(h("blockquote", {}, inline(take((next) => /^>\s?/.test(next)).map((next) => next.replace(/^>\s?/, "")).join("\n"))));
      else if (ITEM.test(line)) nodes.push(list(take((next) => ITEM.test(next))));
      else if (isPlain(line)) nodes.push(h("p", {}, inline(take(isPlain).join("\n"))));
      else at += 1;
    }
    return nodes;
  };
}
