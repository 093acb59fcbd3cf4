// A small Slack over the sandbox's workspace: it shows what the server tells, and tells the server
// what the person does. Nothing is ever built from markup: every node is made, every text is text.

"use strict";

import { makeMarkdown } from "/markdown.js";
import { makeTour } from "/tour.js";

const BOT_COMMAND = "/friendli-deploy";
const WINDOW = 80; // messages drawn at once; older ones are drawn as the reader goes back
const ROWS = 200; // requests drawn at once
const TYPING_PAUSE = 250; // ms without a key before what was typed is told

const NARROW = matchMedia("(max-width: 900px)");

const $ = (id) => document.getElementById(id);

// ---------------------------------------------------------------- making and updating nodes

/** Make an element: attributes by name, `on…` as listeners, children as nodes or text. */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const marks = new WeakMap();

/** Make a container's children match items of {key, signature, build}, touching only what changed. */
function reconcile(container, items) {
  const wanted = new Set(items.map((item) => item.key));
  const there = new Map();
  for (const node of [...container.children]) {
    const key = marks.get(node)?.key;
    if (wanted.has(key)) there.set(key, node);
    else node.remove();
  }
  let cursor = container.firstElementChild;
  for (const item of items) {
    let node = there.get(item.key);
    const mark = node && marks.get(node);
    if (!node || mark.signature !== item.signature) {
      const updated = node && item.update && item.update(node);
      if (!updated) {
        const fresh = item.build();
        if (node) {
          if (cursor === node) cursor = fresh;
          replaceKeepingFocus(node, fresh);
        }
        node = fresh;
      }
      marks.set(node, { key: item.key, signature: item.signature });
    }
    if (node === cursor) cursor = cursor.nextElementSibling;
    else container.insertBefore(node, cursor);
  }
}

function replaceKeepingFocus(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  if (!focused) return;
  const same = focused.dataset.name && fresh.querySelector(`[data-name="${CSS.escape(focused.dataset.name)}"]`);
  (same || fresh.querySelector("button, a, select, input") || fresh).focus();
}

let lastId = 0;
const newId = () => `n${++lastId}`;

// ---------------------------------------------------------------- state

const state = {
  users: new Map(), groups: {}, people: [], channels: new Map(), views: new Map(), requests: new Map(),
  controls: null, examples: [], commands: [], shortcuts: [], options: [], codes: [], wordings: {}, home: null,
  me: null, place: null, thread: null, shown: WINDOW, ready: false,
  left: new Map(), // channel and person → where they were in it
  unseen: new Set(), // channels and persons with messages below what they see
  read: new Map(), // person → channel → ts of the newest message they have seen
};

const me = () => state.users.get(state.me);
const channel = (id) => state.channels.get(id);
const here = () => (state.place?.channel ? channel(state.place.channel) : null);
const mine = (place) => place.members.includes(state.me);
const botUser = () => [...state.users.values()].find((user) => user.role === "app");

function keepChannel(document) {
  const known = state.channels.get(document.id);
  if (known) Object.assign(known, document);
  else state.channels.set(document.id, { ...document, messages: new Map(), order: [], replies: new Map() });
}

function keepMessage(message) {
  const place = channel(message.channel);
  const key = (message.only ? "only " : "") + message.ts;
  const known = place.messages.get(key);
  if (known) {
    Object.assign(known, message);
    known.version += 1;
    return known;
  }
  const kept = { ...message, key, version: 0 };
  if (kept.gone && kept.only) return kept;
  place.messages.set(key, kept);
  insert(place.order, kept);
  if (kept.thread) {
    if (!place.replies.has(kept.thread)) place.replies.set(kept.thread, []);
    insert(place.replies.get(kept.thread), kept);
  }
  return kept;
}

function insert(sorted, message) {
  let at = sorted.length;
  while (at > 0 && sorted[at - 1].ts > message.ts) at -= 1;
  sorted.splice(at, 0, message);
}

const seen = (message) => message.only === null || message.only === state.me;
const repliesOf = (place, ts) => (place.replies.get(ts) || []).filter((reply) => !reply.gone && seen(reply));
/** What the channel counts below a message: not what one person alone sees in the thread. */
const publicReplies = (place, message) => (message.thread ? [] : repliesOf(place, message.ts).filter((reply) => !reply.only));
const isThere = (place, message) => seen(message) && (!message.gone || (!message.only && repliesOf(place, message.ts).length > 0));
const inStream = (place, message) => isThere(place, message) && (!message.thread || message.broadcast);

// ---------------------------------------------------------------- talking to the server

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    notice("The demo doesn't answer. Is it still running in the terminal?");
    return null;
  }
  const said = await answer.json();
  if (!answer.ok) {
    notice(said.problem);
    return null;
  }
  return said;
}

let queue = Promise.resolve();
/** Do something as the chosen person, after everything that was done before. */
function act(name, details) {
  const body = { act: name, person: state.me, ...details };
  queue = queue.then(() => post("/act", body));
  return queue;
}

async function control(name, details = {}) {
  $("said").textContent = "…";
  const answer = await post("/control", { control: name, ...details });
  $("said").textContent = answer ? answer.said : "";
  return answer;
}

function connect() {
  // The people here live where the reader does, so that schedules mean the times that are shown.
  const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone ?? "");
  const socket = new WebSocket(`ws://${location.host}/live?zone=${zone}`);
  socket.onmessage = (event) => {
    $("offline").hidden = true;
    for (const told of JSON.parse(event.data)) take(told);
    render();
  };
  socket.onclose = () => {
    $("offline").hidden = false;
    setTimeout(connect, 1000);
  };
}

function take(event) {
  switch (event.type) {
    case "snapshot": takeSnapshot(event); break;
    case "user": state.users.set(event.user.id, event.user); break;
    case "channel": keepChannel(event.channel); break;
    case "message": takeMessage(event.message); break;
    case "view": takeView(event.view); break;
    case "view_gone": state.views.delete(event.id); break;
    case "notice": if (event.user === state.me) notice(slackWords(event.text)); break;
    case "request": state.requests.set(event.request.id, event.request); break;
    case "controls": state.controls = event.controls; break;
  }
}

function takeSnapshot(snapshot) {
  state.users = new Map(snapshot.users.map((user) => [user.id, user]));
  state.channels = new Map();
  state.views = new Map();
  state.home = new Map();
  snapshot.channels.forEach(keepChannel);
  snapshot.messages.forEach(keepMessage);
  snapshot.views.forEach(takeView);
  state.requests = new Map(snapshot.requests.map((request) => [request.id, request]));
  for (const name of ["groups", "people", "controls", "examples", "commands", "shortcuts", "options", "codes", "wordings", "project", "key"]) state[name] = snapshot[name];
  state.first = snapshot.channel;
  if (!state.people.includes(state.me)) state.me = state.people[0] ?? null;
  if (!state.place || (state.place.channel && !channel(state.place.channel))) state.place = snapshot.channel ? { channel: snapshot.channel } : null;
  if (!state.ready) for (const person of state.people) for (const place of state.channels.values()) markRead(place, person);
  state.ready = true;
  drawOnce();
}

function takeMessage(message) {
  const before = channel(message.channel)?.messages.get((message.only ? "only " : "") + message.ts);
  // What streams is said when it is whole.
  const fresh = !message.streaming && (!before || before.streaming);
  const kept = keepMessage(message);
  if (fresh && seen(kept) && kept.user !== state.me && mine(channel(kept.channel))) announce(kept);
}

function takeView(view) {
  if (view.type === "home") state.home.set(view.user, view);
  else state.views.set(view.id, view);
}

function announce(message) {
  const words = h("p", {}, `${state.users.get(message.user)?.name}: `, readable(message.text));
  const box = $("announcer");
  box.append(words);
  while (box.children.length > 20) box.firstChild.remove();
}

function markRead(place, person = state.me) {
  if (!state.read.has(person)) state.read.set(person, new Map());
  state.read.get(person).set(place.id, place.order.at(-1)?.ts ?? "");
}

const SLACK_WORDS = {
  operation_timeout: "didn't answer within 3 seconds",
  dispatch_failed: "couldn't be reached. Is the bot running?",
};
function slackWords(text) {
  const [what, error] = text.split(": ");
  return SLACK_WORDS[error] ? `friendli-deploy ${SLACK_WORDS[error]} (${what})` : `Slack refused what the bot answered. ${text}`;
}

function notice(words) {
  const box = $("notices");
  const gone = () => line.remove();
  const line = h("div", { class: "notice" }, h("span", {}, words), h("button", { class: "quiet", type: "button", "aria-label": "Dismiss", onclick: gone }, "✕"));
  box.append(line);
  setTimeout(gone, 15000);
}

// ---------------------------------------------------------------- text

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  rocket: "🚀", tada: "🎉", wave: "👋", eyes: "👀", "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", zzz: "💤",
  sleeping: "😴", moneybag: "💰", fire: "🔥", information_source: "ℹ️", large_green_circle: "🟢", red_circle: "🔴",
  large_yellow_circle: "🟡", large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", question: "❓", exclamation: "❗",
  bulb: "💡", gear: "⚙️", lock: "🔒", key: "🔑", link: "🔗", mag: "🔍", robot_face: "🤖", thinking_face: "🤔", smile: "😄",
  slightly_smiling_face: "🙂", heart: "❤️", pray: "🙏", hugging_face: "🤗", octagonal_sign: "🛑", clock1: "🕐", bell: "🔔",
  chart_with_upwards_trend: "📈", clipboard: "📋", package: "📦", wrench: "🔧", arrows_counterclockwise: "🔄", new: "🆕",
};

const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const withEmoji = (text) => text.replace(/:([a-z0-9_+'-]+):/g, (all, name) => EMOJI[name] ?? all);

const INLINE = /`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*(?=\S)([^*\n]*[^*\s])\*(?![\w*])|(?<!\w)_(?=\S)([^_\n]*[^_\s])_(?!\w)|(?<![\w~])~(?=\S)([^~\n]*[^~\s])~(?![\w~])/g;

/** Turn Slack's mrkdwn into nodes. */
function mrkdwn(text) {
  const nodes = [];
  text.split(/```\n?([\s\S]*?)```/).forEach((part, index) => {
    if (index % 2) nodes.push(h("pre", {}, unescape(part)));
    else nodes.push(...quotes(part));
  });
  return nodes;
}

function quotes(text) {
  const nodes = [];
  let quoted = [], plain = [];
  const flush = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, inline(quoted.join("\n"))));
    if (plain.length) nodes.push(...inline(plain.join("\n")));
    quoted = []; plain = [];
  };
  for (const line of text.split("\n")) {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quote) { if (plain.length) flush(); quoted.push(quote[1]); }
    else { if (quoted.length) flush(); plain.push(line); }
  }
  flush();
  return nodes;
}

function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > at) nodes.push(withEmoji(unescape(text.slice(at, found.index))));
    const [all, code, angle, bold, italic, strike] = found;
    if (code !== undefined) nodes.push(h("code", {}, unescape(code)));
    else if (angle !== undefined) nodes.push(angled(angle));
    else if (bold !== undefined) nodes.push(h("strong", {}, inline(bold)));
    else if (italic !== undefined) nodes.push(h("em", {}, inline(italic)));
    else nodes.push(h("s", {}, inline(strike)));
    at = found.index + all.length;
  }
  if (at < text.length) nodes.push(withEmoji(unescape(text.slice(at))));
  return nodes;
}

function angled(inside) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? "" : unescape(inside.slice(bar + 1));
  if (target.startsWith("@")) return personMention(target.slice(1), label);
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!date^")) {
    const [, seconds, format, link] = target.split("^");
    const shown = moment(Number(seconds), format) ?? label;
    const node = h("time", { datetime: new Date(seconds * 1000).toISOString(), title: fullMoment(seconds) }, shown);
    return link ? anchor(unescape(link), [node]) : node;
  }
  if (target.startsWith("!subteam^")) return groupMention(target.slice(9));
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${label.replace(/^@/, "") || target.slice(1)}`);
  return anchor(unescape(target), [label || unescape(target)]);
}

const personMention = (id, label) => h("span", { class: "mention" }, `@${state.users.get(id)?.name ?? (label || id)}`);
const groupMention = (id) => h("span", { class: "mention" }, `@${state.groups[id] ?? id}`);
const channelMention = (id, label) => h("span", { class: "mention" }, `#${channel(id)?.name ?? (label || id)}`);

function anchor(address, children, attributes = {}) {
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return h("span", {}, children);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer", ...attributes }, children);
}

const markdown = makeMarkdown(h, anchor);

const format = (options) => new Intl.DateTimeFormat("en", options);
const CLOCK = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const SECONDS = format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const fullMoment = (seconds) => format({ dateStyle: "full", timeStyle: "long" }).format(new Date(seconds * 1000));
const clock = (ts) => CLOCK.format(new Date(Number(ts) * 1000));

/** Fill in Slack's date tokens for the reader's own zone; null if there is a token nobody knows. */
function moment(seconds, template) {
  const date = new Date(seconds * 1000);
  const days = Math.round((new Date(date).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 86400000);
  const near = { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
  const year = date.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  const long = format({ month: "long", day: "numeric", year: "numeric" });
  const short = format({ month: "short", day: "numeric", ...year });
  const weekday = format({ weekday: "long", month: "long", day: "numeric", year: "numeric" });
  const tokens = {
    date_num: () => new Intl.DateTimeFormat("en-CA").format(date),
    date_slash: () => format({}).format(date),
    date: () => long.format(date), date_pretty: () => near ?? long.format(date),
    date_short: () => short.format(date), date_short_pretty: () => near ?? short.format(date),
    date_long: () => weekday.format(date), date_long_pretty: () => near ?? weekday.format(date),
    time: () => CLOCK.format(date),
    time_secs: () => format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(date),
    ago: () => ago(seconds),
  };
  let known = true;
  const filled = template.replace(/\{(\w+)\}/g, (all, name) => {
    if (tokens[name]) return tokens[name]();
    known = false;
    return all;
  });
  return !known ? null : template.startsWith("{") ? filled[0]?.toUpperCase() + filled.slice(1) : filled;
}

function ago(seconds) {
  const passed = Date.now() / 1000 - seconds;
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]])
    if (Math.abs(passed) >= size) return relative.format(-Math.round(passed / size), unit);
  return "just now";
}

/** Mrkdwn as plain words, for screen readers and excerpts. */
const readable = (text) => h("p", {}, mrkdwn(text)).textContent;

/** A text object as nodes. */
function words(text) {
  if (text.type === "mrkdwn") return mrkdwn(text.text);
  return [text.emoji === false ? text.text : withEmoji(text.text)];
}

function richText(block) {
  return h("div", { class: "words" }, block.elements.map((part) => {
    switch (part.type) {
      case "rich_text_preformatted": return h("pre", {}, part.elements.map(piece));
      case "rich_text_quote": return h("blockquote", {}, part.elements.map(piece));
      case "rich_text_list": {
        const list = h(part.style === "ordered" ? "ol" : "ul", { start: part.offset ? part.offset + 1 : null }, part.elements.map((item) => h("li", {}, item.elements.map(piece))));
        list.style.marginLeft = `${(part.indent ?? 0) * 18}px`;
        return list;
      }
      default: return h("div", {}, part.elements.map(piece));
    }
  }));
}

function piece(part) {
  const core = () => {
    switch (part.type) {
      case "link": return anchor(part.url, [part.text || part.url]);
      case "emoji": return part.unicode ? String.fromCodePoint(...part.unicode.split("-").map((code) => parseInt(code, 16))) : EMOJI[part.name] ?? `:${part.name}:`;
      case "date": return h("time", { title: fullMoment(part.timestamp) }, moment(part.timestamp, part.format) ?? part.fallback ?? "");
      case "user": return personMention(part.user_id, "");
      case "usergroup": return groupMention(part.usergroup_id);
      case "channel": return channelMention(part.channel_id, "");
      case "broadcast": return h("span", { class: "mention" }, `@${part.range}`);
      case "color": return part.value;
      default: return part.text;
    }
  };
  const style = part.style ?? {};
  let node = core();
  for (const [name, tag] of [["code", "code"], ["strike", "s"], ["underline", "u"], ["italic", "em"], ["bold", "strong"]])
    if (style[name]) node = h(tag, {}, node);
  return node;
}

// ---------------------------------------------------------------- blocks

const TASK_WORDS = { pending: "to do", in_progress: "in progress", complete: "done", error: "failed" };

/** Draw a block. `at` says where it stands: {place, view} and, for modals, its fields' values. */
function blockNode(block, at) {
  switch (block.type) {
    case "section": return h("div", { class: "section" },
      block.text && h("div", { class: "words" }, words(block.text)),
      block.accessory && elementNode(block.accessory, block, at, block.text && readable(block.text.text)),
      block.fields && h("div", { class: "fields" }, block.fields.map((text) => h("div", { class: "words" }, words(text)))));
    case "context": return h("div", { class: "context" }, block.elements.map((item) => (item.type === "image" ? picture(item) : h("span", { class: "words" }, words(item)))));
    case "divider": return h("hr");
    case "header": return h("h3", {}, words(block.text));
    case "image": return picture(block);
    case "actions": case "context_actions": return h("div", { class: "actions" }, block.elements.map((element) => elementNode(element, block, at)));
    case "input": return inputNode(block, at);
    case "rich_text": return richText(block);
    case "plan": return h("div", { class: "plan" }, h("p", { class: "plan-title" }, block.title), h("ol", { "aria-label": block.title }, block.tasks.map(taskNode)));
    case "task_card": return h("ol", {}, taskNode(block));
    case "alert": return h("div", { class: `alert ${block.level ?? ""}`, role: "note" }, words(block.text));
    case "markdown": return h("div", { class: "words markdown" }, markdown(block.text));
    case "table": return h("table", {}, h("tbody", {}, block.rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell.type === "rich_text" ? richText(cell) : cell.text))))));
    default: return h("p", { class: "picture" }, `A block of type ${block.type}`);
  }
}

const picture = (image) => h("span", { class: "picture", role: "img", "aria-label": image.alt_text }, `Picture: ${image.alt_text}`);

function taskNode(task) {
  return h("li", { class: `task ${task.status}` },
    h("span", { class: "mark", "aria-hidden": "true" }),
    h("span", {}, task.title, h("span", { class: "unseen" }, ` (${TASK_WORDS[task.status]})`)),
    task.details && richText(task.details), task.output && richText(task.output),
    task.sources && h("div", { class: "words" }, task.sources.map((source) => anchor(source.url, [source.text]))));
}

/** Draw an interactive element that stands outside an input block. */
function elementNode(element, block, at, label) {
  const target = { place: at.place, block: block.block_id, action: element.action_id };
  const name = `${block.block_id}|${element.action_id}`;
  switch (element.type) {
    case "image": return picture(element);
    case "button": return buttonNode(element, target, name);
    case "icon_button": case "workflow_button": return buttonNode(element, target, name);
    case "feedback_buttons": return h("span", {}, words(element.positive_button.text), " ", words(element.negative_button.text));
    case "overflow": return overflowNode(element, target, name);
    default: {
      const field = fieldControl(element, {
        name, label: label || element.placeholder?.text || "Choose",
        value: at.value?.(block.block_id, element.action_id),
        told: (value) => asked(element.confirm, () => act("choose", { ...target, value })),
        query: (text) => post("/act", { act: "suggest", person: state.me, ...target, query: text }),
      });
      field.bare?.(label || element.placeholder?.text || "Choose");
      at.fields?.set(name, field);
      return field.node;
    }
  }
}

function buttonNode(element, target, name) {
  const style = { primary: "primary", danger: "danger" }[element.style] ?? "";
  const label = element.accessibility_label ?? null;
  if (element.url) {
    // Slack tells the app of such a click too.
    return anchor(element.url, words(element.text), { class: `button ${style}`, "aria-label": label, "data-name": name, onclick: () => act("click", target) });
  }
  const press = async () => {
    node.setAttribute("aria-busy", "true");
    await act("click", target);
    node.removeAttribute("aria-busy");
  };
  const node = h("button", { class: style, type: "button", "aria-label": label, "data-name": name, onclick: () => node.getAttribute("aria-busy") || asked(element.confirm, press) }, words(element.text));
  return node;
}

function overflowNode(element, target, name) {
  const toggle = h("button", { class: "quiet", type: "button", "aria-label": "More", "aria-haspopup": "menu", "aria-expanded": "false", "data-name": name }, "⋯");
  const menu = h("div", { class: "menu", role: "menu", hidden: true });
  const show = (open) => {
    menu.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
    if (open) {
      placeMenu(menu, toggle);
      menu.firstChild.focus({ preventScroll: true });
    }
  };
  for (const option of element.options) {
    const chosen = () => {
      show(false);
      toggle.focus();
      if (option.url) window.open(option.url, "_blank", "noopener");
      asked(element.confirm, () => act("choose", { ...target, value: option.value }));
    };
    menu.append(h("button", { role: "menuitem", type: "button", tabindex: "-1", onclick: chosen }, words(option.text),
      option.description && h("span", { class: "hint" }, words(option.description))));
  }
  toggle.addEventListener("click", () => show(menu.hidden));
  menu.addEventListener("keydown", (event) => {
    const items = [...menu.children], step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
    else if (event.key === "Escape" || event.key === "Tab") { show(false); toggle.focus(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const host = h("span", { class: "menu-host" }, toggle, menu);
  host.addEventListener("focusout", (event) => { if (!host.contains(event.relatedTarget)) show(false); });
  return host;
}

/** Put an open menu below its field or button, or above where there is more room, within the window. */
function placeMenu(menu, beside, wide = false) {
  const box = beside.getBoundingClientRect();
  const below = innerHeight - box.bottom - 12, above = box.top - 12;
  const up = below < Math.min(menu.scrollHeight, 200) && above > below;
  menu.style.maxHeight = `${Math.min(300, up ? above : below)}px`;
  menu.style.top = up ? "auto" : `${box.bottom + 4}px`;
  menu.style.bottom = up ? `${innerHeight - box.top + 4}px` : "auto";
  menu.style.width = wide ? `${box.width}px` : "auto";
  menu.style.left = wide ? `${box.left}px` : "auto";
  menu.style.right = wide ? "auto" : `${document.documentElement.clientWidth - box.right}px`;
}

/** Ask an element's question, if it has one, and do it after a yes. */
function asked(confirm, go) {
  if (!confirm) return go();
  const dialog = $("question");
  $("question-title").replaceChildren(...words(confirm.title));
  $("question-text").replaceChildren(...words(confirm.text));
  const yes = $("question-yes"), no = $("question-no");
  yes.replaceChildren(...(confirm.confirm ? words(confirm.confirm) : ["Yes"]));
  no.replaceChildren(...(confirm.deny ? words(confirm.deny) : ["No"]));
  yes.className = confirm.style === "danger" ? "danger fill" : "primary";
  return new Promise((resolve) => {
    const end = (agreed) => { dialog.close(); resolve(agreed ? go() : null); };
    yes.onclick = () => end(true);
    no.onclick = () => end(false);
    dialog.oncancel = (event) => { event.preventDefault(); end(false); };
    dialog.showModal();
    no.focus();
  });
}

// ---------------------------------------------------------------- fields

const isText = (type) => /_text_input$|^number_input$/.test(type);
const stateValue = (value) => {
  if (!value) return null;
  const { type, ...rest } = value;
  const kept = Object.values(rest)[0];
  if (Array.isArray(kept)) return kept.map((item) => item?.value ?? item);
  return kept?.value ?? kept ?? null;
};

function inputNode(block, at) {
  const element = block.element;
  const name = `${block.block_id}|${element.action_id}`;
  const ids = { field: newId(), hint: newId(), error: newId() };
  const target = { place: at.place, block: block.block_id, action: element.action_id };
  const control = fieldControl(element, {
    name, ids, label: block.label.text,
    value: at.value?.(block.block_id, element.action_id),
    dispatch: block.dispatch_action,
    told: (value, enter = false) => act(at.isModal ? "fill" : "choose", at.isModal ? { ...target, value, enter } : { ...target, value }),
    query: (text) => post("/act", { act: "suggest", person: state.me, ...target, query: text }),
  });
  const caption = [words(block.label), block.optional && h("span", { class: "optional" }, " (optional)")];
  const grouped = control.group;
  const error = h("p", { class: "error", id: ids.error, hidden: true });
  const node = h(grouped ? "fieldset" : "div", { class: "field", "data-block": block.block_id },
    grouped ? h("legend", {}, caption) : h("label", { for: ids.field }, caption),
    control.node, error,
    block.hint && h("p", { class: "hint", id: ids.hint }, words(block.hint)));
  (grouped ? node : control.target).setAttribute("aria-describedby", [ids.error, block.hint && ids.hint].filter(Boolean).join(" "));
  if (!block.optional && !grouped) control.target.setAttribute("aria-required", "true");
  control.complain = (text) => {
    error.hidden = !text;
    error.textContent = text ?? "";
    if (grouped) return;
    if (text) control.target.setAttribute("aria-invalid", "true");
    else control.target.removeAttribute("aria-invalid");
  };
  at.fields.set(name, control);
  return node;
}

/**
 * Make the control of a field.
 *
 * Returns {node, target, group, set, flush}: what to insert, what the label is for, whether it is
 * a group of choices, how to show another value, and how to tell at once what is still unsaid.
 */
function fieldControl(element, given) {
  // What the person did is on its way; what the server still tells of before must not undo it.
  let onTheWay = 0;
  const field = {
    ...given,
    told: async (...value) => {
      // What was typed elsewhere before goes first, so that the app knows it too.
      for (const other of modal.fields.values()) if (other !== control) other.flush?.();
      onTheWay += 1;
      await given.told(...value);
      onTheWay -= 1;
      if (!onTheWay) render();
    },
  };
  const control = bareControl(element, field);
  const set = control.set;
  control.set = (value) => { if (!onTheWay) set(value); };
  return control;
}

function bareControl(element, field) {
  if (isText(element.type)) return textControl(element, field);
  if (element.type === "radio_buttons" || element.type === "checkboxes" || /^multi_(static|users|conversations|channels)/.test(element.type)) return choicesControl(element, field);
  if (/external_select$/.test(element.type)) return externalControl(element, field);
  if (/picker$/.test(element.type)) return pickerControl(element, field);
  if (/select$/.test(element.type)) return selectControl(element, field);
  const node = h("p", { class: "picture" }, `A field of type ${element.type}`);
  return { node, target: node, set() {} };
}

function attributesOf(field) {
  return { id: field.ids?.field ?? null, "data-name": field.name, "aria-label": field.ids ? null : field.label };
}

function textControl(element, field) {
  const multiline = element.multiline;
  const node = h(multiline ? "textarea" : "input", {
    ...attributesOf(field), rows: multiline ? 3 : null, type: multiline ? null : "text", autocomplete: "off", spellcheck: "false",
    inputmode: element.type === "number_input" ? (element.is_decimal_allowed ? "decimal" : "numeric") : null,
    placeholder: element.placeholder?.text ?? null,
  });
  const moments = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  let timer = null, unsaid = false;
  const tell = (enter) => {
    clearTimeout(timer);
    unsaid = false;
    return field.told(node.value === "" ? null : node.value, enter);
  };
  node.addEventListener("input", () => {
    unsaid = true;
    clearTimeout(timer);
    timer = setTimeout(() => tell(false), TYPING_PAUSE);
  });
  node.addEventListener("blur", () => unsaid && tell(false));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || multiline || !field.dispatch || !moments.includes("on_enter_pressed")) return;
    event.preventDefault();
    tell(true);
  });
  const set = (value) => {
    const text = stateValue(value) ?? "";
    if (!unsaid && node.value !== String(text)) node.value = text;
  };
  set(field.value);
  return { node, target: node, set, flush: () => (unsaid ? tell(false) : null) };
}

function selectControl(element, field) {
  const node = h("select", attributesOf(field));
  const placeholder = element.placeholder?.text ?? "Choose";
  node.append(h("option", { value: "" }, placeholder));
  const optionNode = (option) => h("option", { value: option.value }, words(option.text));
  for (const option of ownOptions(element)) node.append(optionNode(option));
  for (const group of element.option_groups ?? []) node.append(h("optgroup", { label: group.label.text }, group.options.map(optionNode)));
  node.addEventListener("change", () => field.told(node.value || null));
  const set = (value) => { node.value = stateValue(value) ?? ""; };
  set(field.value);
  return { node, target: node, set };
}

function ownOptions(element) {
  const option = (value, text) => ({ value, text: { type: "plain_text", text, emoji: false } });
  const channels = () => [...state.channels.values()].filter((place) => place.name && mine(place)).map((place) => option(place.id, `#${place.name}`));
  if (/users/.test(element.type)) return [...state.users.values()].map((user) => option(user.id, `@${user.name}`));
  if (/channels|conversations/.test(element.type)) return channels();
  return element.options ?? [];
}

function choicesControl(element, field) {
  const single = element.type === "radio_buttons";
  const group = newId();
  const options = [...ownOptions(element), ...(element.option_groups ?? []).flatMap((part) => part.options)];
  const inputs = options.map((option) => h("input", { type: single ? "radio" : "checkbox", name: group, value: option.value, "data-name": `${field.name}|${option.value}` }));
  const node = h("div", { role: "presentation" }, options.map((option, at) => h("label", { class: "choice" }, inputs[at], h("span", {}, words(option.text), option.description && h("span", { class: "hint" }, " ", words(option.description))))));
  node.addEventListener("change", () => {
    const chosen = inputs.filter((input) => input.checked).map((input) => input.value);
    field.told(single ? chosen[0] ?? null : chosen);
  });
  const set = (value) => {
    const chosen = [stateValue(value)].flat();
    for (const input of inputs) input.checked = chosen.includes(input.value);
  };
  set(field.value);
  return {
    node, target: node, group: true, set,
    bare: (label) => { node.setAttribute("role", "group"); node.setAttribute("aria-label", label); },
  };
}

function pickerControl(element, field) {
  const type = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" }[element.type];
  const node = h("input", { ...attributesOf(field), type });
  const local = (seconds) => new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  node.addEventListener("change", () => field.told(node.value === "" ? null : type === "datetime-local" ? Math.floor(new Date(node.value).getTime() / 1000) : node.value));
  const set = (value) => {
    const kept = stateValue(value);
    node.value = kept === null ? "" : type === "datetime-local" ? local(kept) : kept;
  };
  set(field.value);
  return { node, target: node, set };
}

function externalControl(element, field) {
  const multiple = element.type.startsWith("multi");
  const list = h("div", { class: "menu wide", role: "listbox", id: newId(), "aria-label": field.label, hidden: true });
  const input = h("input", { ...attributesOf(field), type: "text", role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, placeholder: element.placeholder?.text ?? "Type to search" });
  // What is chosen, and what is offered: {value, text}.
  let chosen = [], offered = [], timer = null, asking = 0, active = -1;
  const shown = () => chosen.map((option) => option.text).join(", ");
  const show = (open) => {
    list.hidden = !open;
    if (open) placeMenu(list, input, true);
    input.setAttribute("aria-expanded", String(open));
    if (!open) { active = -1; input.removeAttribute("aria-activedescendant"); }
  };
  // Several that are chosen stand before the field, which is for searching more.
  const chips = multiple ? h("span", { class: "chips" }) : null;
  const draw = () => chips?.replaceChildren(...chosen.map((option) => h("button", { type: "button", "aria-label": `Remove ${option.text}`, onclick: () => tell(chosen.filter((other) => other !== option)) }, option.text, " ✕")));
  const tell = (options) => {
    chosen = options;
    input.value = multiple ? "" : shown();
    draw();
    if (multiple) input.focus();
    const values = chosen.map((option) => option.value);
    field.told(multiple ? values : values[0]);
  };
  const choose = (option) => {
    // An answer that comes late opens nothing again.
    clearTimeout(timer);
    asking += 1;
    show(false);
    tell(multiple ? [...chosen, option] : [option]);
  };
  const optionNode = (option) => h("div", { role: "option", id: newId(), "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); choose(option); } },
    h("span", {}, option.text), option.description && h("span", { class: "hint" }, option.description));
  /** The options under the labels of their groups, in the app's order. */
  const grouped = () => {
    const groups = [];
    for (const option of offered) {
      if (groups.at(-1)?.label !== option.group) groups.push({ label: option.group, options: [] });
      groups.at(-1).options.push(option);
    }
    return groups.flatMap(({ label, options }) => {
      if (!label) return options.map(optionNode);
      const id = newId();
      return [h("div", { role: "group", "aria-labelledby": id }, h("div", { class: "group-label", id }, label), options.map(optionNode))];
    });
  };
  const ask = async () => {
    const number = ++asking, text = input.value;
    if (text.length < (element.min_query_length ?? 3)) return show(false);
    const answer = await field.query(text);
    if (number !== asking || !answer) return;
    offered = answer.options.filter((option) => !multiple || !chosen.some((other) => other.value === option.value));
    active = -1;
    list.replaceChildren(...grouped());
    if (!offered.length) list.append(h("div", { class: "hint" }, "Nothing found"));
    show(true);
  };
  if (element.min_query_length === 0) input.addEventListener("focus", ask);
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, TYPING_PAUSE); });
  input.addEventListener("keydown", (event) => {
    if (multiple && event.key === "Backspace" && input.value === "" && chosen.length) return tell(chosen.slice(0, -1));
    const options = [...list.querySelectorAll('[role="option"]')];
    if (list.hidden || !options.length) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      active = (active + step + options.length) % options.length;
      options.forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
      options[active].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", options[active].id);
    } else if (event.key === "Enter" && active >= 0) choose(offered[active]);
    else if (event.key === "Escape") show(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener("blur", () => {
    show(false);
    if (multiple) { input.value = ""; return; }
    if (input.value === "" && chosen.length) { chosen = []; field.told(null); }
    input.value = shown();
  });
  const set = (value) => {
    const { type, ...rest } = value ?? {};
    chosen = [Object.values(rest)[0]].flat().filter(Boolean).map((option) => ({ value: option.value, text: option.text.text }));
    draw();
    if (!multiple && document.activeElement !== input) input.value = shown();
  };
  set(field.value);
  return { node: h("div", { class: "menu-host" }, chips, input, list), target: input, set };
}

// ---------------------------------------------------------------- messages

function messageNode(place, message, inThread, follows) {
  const author = state.users.get(message.user);
  const name = author?.name ?? message.user;
  const replies = publicReplies(place, message);
  const at = { place: { channel: place.id, ts: message.ts }, fields: new Map() };
  const blocks = message.blocks.length > 0 && h("div", { class: "blocks" }, message.blocks.map((block) => blockNode(block, at)));
  // A streamed text is Markdown, and its blocks come below it.
  const streamed = message.streamed && [h("div", { class: `words markdown${message.streaming ? " streaming" : ""}` }, markdown(message.text)), blocks];
  const body = message.gone ? h("p", { class: "gone" }, "This message was deleted.") : streamed || blocks || h("div", { class: "words" }, mrkdwn(message.text));
  const menu = !message.gone && !message.only && state.shortcuts.map((entry) => h("button", { type: "button", "data-name": entry.callback, onclick: () => act("shortcut", { place: at.place, callback: entry.callback }) }, entry.name));
  const kind = [message.only && "only", inThread && !message.thread && "root", follows && "follows"].filter(Boolean).map((word) => ` ${word}`).join("");
  const posted = h("time", { datetime: new Date(message.ts * 1000).toISOString(), title: fullMoment(message.ts) }, clock(message.ts));
  return h("li", { class: `message${kind}`, "data-ts": message.ts, tabindex: "-1" },
    follows ? posted : h("span", { class: `avatar role-${author?.role ?? ""}`, "aria-hidden": "true" }, name[0].toUpperCase()),
    h("article", { "aria-label": `${name}, ${clock(message.ts)}`, "aria-busy": message.streaming ? "true" : null },
      !follows && h("div", { class: "byline" }, h("strong", {}, name), author?.role === "app" && h("span", { class: "tag" }, "APP"), posted,
        message.only && h("span", { class: "aside" }, "Only visible to you")),
      message.thread && !inThread && threadLink(place, message),
      body,
      message.edited && h("p", { class: "aside" }, "(edited)"),
      message.broadcast && inThread && h("p", { class: "aside" }, `Also sent to #${place.name}`),
      replies.length > 0 && !inThread && h("button", { class: "replies", type: "button", "data-name": "replies", onclick: () => openThread(place.id, message.ts) },
        `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`, h("span", {}, `last at ${clock(replies.at(-1).ts)}`))),
    menu && h("div", { class: "row-menu" }, menu));
}

function threadLink(place, message) {
  const root = place.messages.get(message.thread);
  const about = root && !root.gone ? clip(readable(root.text), 50) : "a deleted message";
  return h("p", { class: "aside" }, "Replied in the thread of ", h("button", { class: "replies", type: "button", onclick: () => openThread(place.id, message.thread) }, about));
}

const clip = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

function messageItem(place, message, inThread, follows = false) {
  const replies = publicReplies(place, message);
  const root = message.thread ? place.messages.get(message.thread)?.text : "";
  return {
    key: message.key,
    signature: [message.version, replies.length, replies.at(-1)?.ts, root, state.me, follows].join(" "),
    build: () => messageNode(place, message, inThread, follows),
  };
}

// Where a reader is in a scrolling area: at its end, or at a message so many pixels below the top.
const AT_END = { atEnd: true };
const places = new WeakMap();
const placeIn = (area) => places.get(area) ?? AT_END;

function scrolledTo(area) {
  if (area.scrollHeight - area.scrollTop - area.clientHeight < 24) return AT_END;
  const top = area.getBoundingClientRect().top;
  for (const node of area.querySelectorAll("[data-ts], summary")) {
    const box = node.getBoundingClientRect();
    if (box.bottom > top) return { atEnd: false, node, ts: node.dataset.ts, below: box.top - top };
  }
  return { atEnd: false, below: 0 };
}

function scrollTo(area, place) {
  const node = place.node?.isConnected ? place.node : place.ts && area.querySelector(`[data-ts="${CSS.escape(place.ts)}"]`);
  if (place.atEnd) area.scrollTop = area.scrollHeight;
  else if (node) area.scrollTop += node.getBoundingClientRect().top - area.getBoundingClientRect().top - place.below;
  places.set(area, place);
}

/** Draw into a scrolling area: a reader at its end stays there, another one keeps their place. */
function drawScrolled(area, draw) {
  const place = placeIn(area);
  draw();
  scrollTo(area, place);
}

/** Notice where the reader goes, and stay there when the area gets larger or smaller. */
function followReader(area) {
  area.addEventListener("scroll", () => {
    places.set(area, scrolledTo(area));
    if (area.id !== "stream" || !placeIn(area).atEnd) return;
    state.unseen.delete(area.dataset.key);
    $("newer").hidden = true;
  }, { passive: true });
  new ResizeObserver(() => scrollTo(area, placeIn(area))).observe(area);
}

function renderStream() {
  const place = here();
  $("composer").hidden = !place;
  $("messages").hidden = $("intro").hidden = !place;
  $("home").hidden = !!place || !state.place;
  if (!place) return renderHome();
  const visible = place.order.filter((message) => inStream(place, message));
  const shown = visible.slice(-state.shown);
  const area = $("stream");
  const key = place.id + state.me;
  const moved = area.dataset.key !== key;
  if (moved) state.left.set(area.dataset.key, placeIn(area));
  area.dataset.key = key;
  const before = area.dataset.newest;
  area.dataset.newest = visible.at(-1)?.key ?? "";
  drawScrolled(area, () => {
    $("earlier").hidden = shown.length === visible.length;
    reconcile($("intro"), shown.length === visible.length ? [introItem(place)] : []);
    reconcile($("messages"), shown.map((message) => messageItem(place, message, false)));
  });
  if (moved) scrollTo(area, state.left.get(key) ?? AT_END);
  if (placeIn(area).atEnd) state.unseen.delete(key);
  else if (!moved && before !== area.dataset.newest) state.unseen.add(key);
  $("newer").hidden = !state.unseen.has(key);
  if (document.visibilityState === "visible") markRead(place);
}

function showEarlier() {
  state.shown += WINDOW;
  renderStream();
}

function introItem(place) {
  const first = place.id === state.first;
  return { key: `intro ${place.id}`, signature: state.controls.friendli === null ? "real" : `${tour.running()} ${tour.label()}`, build: () => (first ? welcome(place) : plainIntro(place)) };
}

function welcome(place) {
  if (state.controls.friendli === null) {
    return h("section", { class: "intro" }, h("h3", {}, "A sandbox Slack, with Friendli itself behind it"),
      h("p", {}, "Endpoints are real here, and cost money. To begin, be the admin and type ", h("code", {}, `${BOT_COMMAND} connect`), " with a key of your own."));
  }
  const example = state.examples[0];
  return h("section", { class: "intro" },
    h("h3", {}, "Deploy a model from Slack"),
    h("p", {}, `This is #${place.name} in a small, made-up Slack. It is connected to a made-up Friendli, so nothing here costs money.`),
    h("div", { class: "actions" },
      tour.offered() && !tour.running() && h("button", { class: "primary", type: "button", onclick: tour.begin }, tour.label()),
      h("button", { class: tour.offered() ? "" : "primary", type: "button", onclick: () => tryExample(example) }, example.title)),
    h("p", {}, "The tour connects a channel, deploys, uses, repairs and ends a model. “Deploy a model” types a command for you. Or type ", h("code", {}, BOT_COMMAND), " yourself."));
}

function plainIntro(place) {
  if (place.kind === "direct") return h("section", { class: "intro" }, h("h3", {}, botUser()?.name ?? ""), h("p", {}, "What the bot tells you alone."));
  return h("section", { class: "intro" }, h("h3", {}, `#${place.name}`),
    h("p", {}, "No project is connected here yet. Be the admin and type ", h("code", {}, `${BOT_COMMAND} connect`),
      state.key ? [" with the project ", h("code", {}, state.project), " and the key ", h("code", {}, state.key), "."] : " with a key of your own."));
}

function renderHome() {
  const box = $("home");
  if (!state.place) {
    box.hidden = false;
    $("newer").hidden = $("earlier").hidden = true;
    reconcile(box, [{ key: "own", signature: "", build: () => h("section", { class: "intro" }, h("h3", {}, "You are using your own Slack"),
      h("p", {}, "Type ", h("code", {}, `${BOT_COMMAND} connect`), " there, with the project ", h("code", {}, state.project ?? ""), " and the key ", h("code", {}, state.key ?? ""), ". Endpoints are made up, and steered from the panel on the right.")) }]);
    return;
  }
  $("newer").hidden = $("earlier").hidden = true;
  const view = state.home.get(state.me);
  if (!view) {
    reconcile(box, [{ key: "none", signature: "", build: () => h("section", { class: "intro" }, h("h3", {}, "Nothing here"), h("p", {}, "The bot has no Home of its own. Everything happens in channels: type ", h("code", {}, `${BOT_COMMAND} help`), " in one.")) }]);
    return;
  }
  const at = { place: view.id, fields: new Map(), value: (block, action) => view.values[block]?.[action] };
  reconcile(box, [{ key: view.id, signature: String(view.updates), build: () => h("div", { class: "intro blocks" }, view.blocks.map((block) => blockNode(block, at))) }]);
}

function renderThread() {
  const open = state.thread;
  const place = open && channel(open.channel);
  const root = place?.messages.get(open.ts);
  const shown = !!root && mine(place);
  $("thread").hidden = !shown;
  $("app").dataset.thread = shown ? "open" : "closed";
  if (!shown) return;
  const area = $("thread-stream");
  const messages = [...(isThere(place, root) ? [root] : []), ...repliesOf(place, root.ts)];
  drawScrolled(area, () => reconcile($("replies"), messages.map((message, index) => messageItem(place, message, true, followsOn(messages[index - 1], message)))));
  if (area.dataset.ts !== open.ts) { area.dataset.ts = open.ts; scrollTo(area, AT_END); }
}

/** Whether a reply goes on what the same person said just before, so that it needs no name. */
const followsOn = (before, message) => !!before?.thread && before.user === message.user && !message.only && message.ts - before.ts < 300;

function openThread(channelId, ts) {
  state.thread = { channel: channelId, ts };
  $("thread-stream").dataset.ts = "";
  render();
  $("thread-title").focus();
}

function closeThread() {
  const ts = state.thread?.ts;
  state.thread = null;
  render();
  const opener = document.querySelector(`#messages [data-ts="${CSS.escape(ts ?? "")}"] .replies`);
  (opener ?? $("text")).focus();
}

// ---------------------------------------------------------------- the sidebar and the frame

function go(place) {
  state.place = place;
  state.shown = WINDOW;
  if (state.thread && state.thread.channel !== place.channel) state.thread = null;
  $("text").value = "";
  hideHints();
  if (!place.channel) act("home", {});
  render();
  if (place.channel) $("text").focus();
}

function renderSidebar() {
  reconcile($("person"), state.people.map((id) => {
    const user = state.users.get(id);
    const role = user.role === "guest" ? "from outside" : user.role;
    return { key: id, signature: "", build: () => h("option", { value: id }, `@${user.name} · ${role}`) };
  }));
  $("person").value = state.me ?? "";
  for (const part of [$("person").parentElement, $("channels-title"), $("apps-title")]) part.hidden = !state.people.length;
  const places = [...state.channels.values()].filter(mine);
  reconcile($("channels"), places.filter((place) => place.kind !== "direct").map(channelItem));
  const directs = places.filter((place) => place.kind === "direct");
  $("directs-part").hidden = !directs.length;
  reconcile($("directs"), directs.map(channelItem));
  const current = state.place && !state.place.channel;
  const apps = state.people.length ? [{ key: "home", signature: String(current), build: () => h("li", {}, h("button", { type: "button", "aria-current": current ? "page" : null, onclick: () => go({ home: true }) }, botUser()?.name ?? "Bot")) }] : [];
  reconcile($("apps"), apps);
  const { bot, pid } = state.controls;
  const told = { running: ["The bot runs", ` as process ${pid}`], starting: ["The bot starts", " …"], stopped: ["The bot is stopped", ""] }[bot];
  $("bot-state").replaceChildren(...(told ? [h("strong", {}, told[0]), told[1]] : []));
}

function channelItem(place) {
  const current = state.place?.channel === place.id;
  const last = state.read.get(state.me)?.get(place.id) ?? "";
  const fresh = current ? [] : place.order.filter((message) => message.ts > last && message.user !== state.me && !message.gone && inStream(place, message));
  const forMe = fresh.filter((message) => place.kind === "direct" || `${message.text} ${JSON.stringify(message.blocks)}`.includes(`<@${state.me}>`)).length;
  const name = place.kind === "direct" ? botUser()?.name ?? "" : place.name;
  const sign = place.kind === "direct" ? "" : place.kind === "private" ? "🔒 " : "# ";
  return {
    key: place.id, signature: [name, current, fresh.length, forMe, place.archived].join(" "),
    build: () => h("li", {}, h("button", { type: "button", "data-name": place.id, class: fresh.length ? "unread" : "", "aria-current": current ? "page" : null, onclick: () => go({ channel: place.id }) },
      h("span", {}, sign + name, place.archived && " (archived)"),
      forMe > 0 ? h("span", { class: "badge" }, String(forMe), h("span", { class: "unseen" }, " unread for you")) : fresh.length > 0 && h("span", { class: "dot" }, h("span", { class: "unseen" }, "unread")))),
  };
}

function renderFrame() {
  const place = here();
  const title = !state.place ? "Your own Slack" : !place ? botUser()?.name ?? "Home" : place.kind === "direct" ? botUser()?.name ?? "" : `#${place.name}`;
  $("place").textContent = title;
  $("place-note").textContent = !place ? "" : place.kind === "direct" ? "Direct message" : `${place.members.filter((id) => state.users.get(id)?.role !== "app").length} people and the bot${place.shared ? " · shared with another organisation" : ""}`;
  $("text-label").textContent = `Message to ${title}`;
  $("text").placeholder = place?.archived ? "This channel is archived" : `Message ${title}, or type / for commands`;
  // A thread may stand in the panel's place.
  $("open-dock").setAttribute("aria-expanded", String(getComputedStyle($("dock")).display !== "none"));
  document.title = `${title} · Friendli Deploy sandbox`;
}

function render() {
  if (!state.ready) return;
  renderSidebar();
  renderThread();
  renderFrame();
  renderStream();
  renderModal();
  renderControls();
  renderRequests();
  tour.draw();
}

// ---------------------------------------------------------------- the composer

function send(text) {
  const place = here();
  if (!place || !text.trim()) return null;
  places.set($("stream"), AT_END);
  if (!text.startsWith("/")) return act("say", { channel: place.id, text });
  const [command] = text.split(/\s/, 1);
  if (command !== BOT_COMMAND) {
    notice(`${command} is no command here. Try ${BOT_COMMAND}.`);
    return null;
  }
  return act("command", { channel: place.id, command, text: text.slice(command.length).trim() });
}

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

function setUpComposer(form, area, go) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = area.value;
    area.value = "";
    grow(area);
    hideHints();
    go(text);
  });
  area.addEventListener("input", () => grow(area));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !event.defaultPrevented) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}

function reply(text) {
  if (!text.trim()) return;
  if (text.startsWith("/")) notice("Slack takes no slash commands in a thread. Use the message field of the channel.");
  else {
    places.set($("thread-stream"), AT_END);
    act("say", { channel: state.thread.channel, text, thread: state.thread.ts });
  }
}

let activeHint = -1;

function hintsFor(text) {
  if (!text.startsWith("/") || text.includes("\n")) return [];
  const option = /(^|\s)(--[\w-]*)$/.exec(text);
  if (option && text.includes(" ")) {
    return state.options.filter((hint) => hint.usage.startsWith(option[2]) && !text.includes(`${hint.usage.split(" ")[0]} `))
      .map((hint) => ({ ...hint, text: text.slice(0, text.length - option[2].length) + hint.usage }));
  }
  return state.commands.map((hint) => ({ ...hint, text: hint.usage.replace(/ ?\[.*$/, " ") })).filter((hint) => hint.usage.startsWith(text) || (text.startsWith(hint.text) && hint.text.length > BOT_COMMAND.length + 1));
}

function showHints() {
  const found = hintsFor($("text").value);
  const list = $("hints");
  activeHint = -1;
  $("text").removeAttribute("aria-activedescendant");
  list.hidden = !found.length;
  list.replaceChildren(...found.map((hint, at) => h("li", { role: "option", id: `hint-${at}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); takeHint(hint.text); } },
    h("code", {}, hint.usage), h("span", {}, mrkdwn(hint.summary)))));
  list.texts = found.map((hint) => hint.text);
}

function hideHints() {
  $("hints").hidden = true;
  activeHint = -1;
  $("text").removeAttribute("aria-activedescendant");
}

function takeHint(text) {
  $("text").value = text;
  grow($("text"));
  showHints();
  if (!text.endsWith(" ")) hideHints();
}

function hintKeys(event) {
  const list = $("hints");
  if (list.hidden) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    const count = list.children.length;
    activeHint = activeHint < 0 && step < 0 ? count - 1 : (activeHint + step + count) % count;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === activeHint)));
    list.children[activeHint].scrollIntoView({ block: "nearest" });
    $("text").setAttribute("aria-activedescendant", `hint-${activeHint}`);
  } else if ((event.key === "Enter" || event.key === "Tab") && activeHint >= 0) takeHint(list.texts[activeHint]);
  else if (event.key === "Escape") hideHints();
  else return;
  event.preventDefault();
}

// ---------------------------------------------------------------- modals

const modal = { view: null, fields: new Map(), opener: null, wantsErrors: false };

function topView() {
  const open = [...state.views.values()].filter((view) => view.user === state.me && view.type === "modal");
  const below = new Set(open.map((view) => view.previous));
  return open.filter((view) => !below.has(view.id)).at(-1) ?? null;
}

function renderModal() {
  const view = topView(), dialog = $("modal");
  if (!view) {
    if (dialog.open) {
      dialog.close();
      document.body.append($("notices"));
      (modal.opener?.isConnected ? modal.opener : $("text")).focus();
    }
    modal.view = null;
    return;
  }
  const changed = modal.view?.id !== view.id;
  if (changed) {
    if (!dialog.open) modal.opener = document.activeElement;
    modal.fields = new Map();
    modal.wantsErrors = false;
    $("modal-body").replaceChildren();
  }
  const updates = modal.view?.updates;
  modal.view = view;
  $("modal-title").textContent = view.title;
  $("modal-submit").hidden = !view.submit;
  $("modal-submit").textContent = view.submit ?? "";
  $("modal-close").textContent = view.close ?? (view.previous ? "Back" : "Close");
  const at = { place: view.id, isModal: true, fields: modal.fields, value: (block, action) => view.values[block]?.[action] };
  reconcile($("modal-body"), view.blocks.map((block) => ({
    key: `${block.block_id} ${block.type} ${block.element?.type ?? ""}`,
    signature: JSON.stringify(withoutInitial(block)),
    build: () => blockNode(block, at),
  })));
  const there = new Set();
  for (const block of view.blocks) for (const element of [block.element, block.accessory, ...(block.type === "actions" ? block.elements : [])]) {
    if (!element) continue;
    const field = modal.fields.get(`${block.block_id}|${element.action_id}`);
    field?.set(view.values[block.block_id]?.[element.action_id]);
    field?.complain?.(view.errors[block.block_id] ?? null);
    there.add(`${block.block_id}|${element.action_id}`);
  }
  for (const name of modal.fields.keys()) if (!there.has(name)) modal.fields.delete(name);
  if (!dialog.open) {
    dialog.showModal();
    dialog.append($("notices"));
  }
  focusError();
  if (changed || (updates !== view.updates && !$("modal-body").contains(document.activeElement) && document.activeElement !== $("modal-submit"))) focusModal();
}

const withoutInitial = (block) => (block.element ? { ...block, element: Object.fromEntries(Object.entries(block.element).filter(([name]) => !name.startsWith("initial_"))) } : block);

function focusModal() {
  const body = $("modal-body");
  (body.querySelector("input:not([type=hidden]), select, textarea") ?? body.querySelector("button, a") ?? $("modal-title")).focus();
}

async function submitModal() {
  const button = $("modal-submit");
  if (!modal.view?.submit || button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  for (const field of modal.fields.values()) await field.flush?.();
  await act("submit", {});
  button.removeAttribute("aria-busy");
  // The errors come over the websocket, before this answer or after it.
  modal.wantsErrors = true;
  focusError();
}

function focusError() {
  const wrong = $("modal-body").querySelector('[aria-invalid="true"]');
  if (!modal.wantsErrors || !wrong) return;
  modal.wantsErrors = false;
  wrong.focus();
}

// ---------------------------------------------------------------- the sandbox panel

async function tryExample(example) {
  state.me = state.people[0];
  const first = state.first;
  if (state.place?.channel !== first) state.place = { channel: first };
  state.thread = null;
  render();
  if (example.preparation && !(await control("prepare", { preparation: example.preparation }))) return;
  const area = $("text");
  area.value = "";
  area.focus();
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) area.value = example.line;
  else for (const part of example.line.match(/.{1,3}/g)) {
    area.value += part;
    grow(area);
    await new Promise((resolve) => setTimeout(resolve, 16));
  }
  $("composer").requestSubmit();
}

/** What is drawn once the first snapshot is there: examples and controls never change their kind. */
function drawOnce() {
  reconcile($("examples"), state.people.length && state.controls.friendli !== null ? state.examples.map((example) => ({
    key: example.id, signature: "", build: () => h("li", {}, h("button", { type: "button", onclick: () => tryExample(example) }, example.title, h("span", {}, example.summary))),
  })) : []);
  document.querySelector("#panel-try h2").hidden = !$("examples").children.length;
}

const CONDITIONS = [["works", "works"], ["down", "is down"], ["rate-limited", "rate-limits"]];
const INFERENCE = [["works", "answer"], ["slow", "take 5 s"], ["cut", "break off"], ["rate-limited", "rate-limit (429)"], ["unavailable", "are unavailable (503)"], ["garbage", "answer garbage"]];
const HUB_CONDITIONS = [...CONDITIONS, ["slow", "takes 5 s"]];

function row(label, node) {
  const id = newId();
  node.id = id;
  return h("div", { class: "row" }, h("label", { for: id }, label), node);
}

function chooser(options, changed) {
  const node = h("select", {}, options.map(([value, text]) => h("option", { value }, text)));
  node.addEventListener("change", () => changed(node.value));
  return node;
}

const press = (label, go, style = "") => h("button", { type: "button", class: style, onclick: go }, label);

function renderControls() {
  const told = state.controls, box = $("controls");
  if (!box.children.length) drawControls(box, told);
  const { speed, slack, friendli, hub, inference, wording, start, restart, kill } = box.parts;
  if (speed) {
    if (![...speed.options].some((option) => Number(option.value) === told.speed)) speed.append(h("option", { value: told.speed }, `${told.speed} × as fast`));
    speed.value = told.speed;
  }
  if (slack) slack.value = told.slack;
  if (friendli) friendli.value = told.friendli;
  if (hub) hub.value = told.hub;
  if (inference) inference.value = told.inference;
  if (wording) wording.value = told.wording;
  if (start) {
    start.hidden = told.bot !== "stopped";
    restart.hidden = kill.hidden = told.bot === "stopped";
  }
}

function drawControls(box, told) {
  const parts = (box.parts = {});
  if (told.friendli !== null) {
    parts.speed = chooser([[0, "never"], [1, "as in life"], [10, "10 × as fast"], [30, "30 × as fast"], [100, "100 × as fast"]], (value) => control("speed", { speed: Number(value) }));
    parts.code = chooser(state.codes.map((code) => [code, code]), () => {});
    box.append(row("Endpoints start", parts.speed), h("div", { class: "stack" }, row("What can go wrong while it starts", parts.code),
      h("div", { class: "buttons" }, press("Fail the next step", () => control("fail", { code: parts.code.value })), press("Lose the next reply", () => control("lose")))));
    parts.friendli = chooser(CONDITIONS, (value) => control("condition", { service: "friendli", condition: value }));
    parts.wording = chooser(Object.entries(state.wordings).map(([name, meaning]) => [name, `${name}: ${meaning}`]), (value) => control("wording", { wording: value }));
    parts.inference = chooser(INFERENCE, (value) => control("inference", { condition: value }));
    box.append(row("Friendli's API", parts.friendli), row("Live endpoints", parts.inference), row("How it words endpoints", parts.wording));
  }
  if (told.slack !== null) {
    parts.slack = chooser(CONDITIONS, (value) => control("condition", { service: "slack", condition: value }));
    box.append(row("Slack's API", parts.slack));
  }
  if (told.hub !== null) {
    parts.hub = chooser(HUB_CONDITIONS, (value) => control("condition", { service: "hub", condition: value }));
    box.append(row("Hugging Face", parts.hub));
  }
  const buttons = h("div", { class: "buttons" });
  if (told.bot !== null) {
    parts.start = press("Start the bot", () => control("bot", { do: "start" }), "primary");
    parts.restart = press("Restart the bot", () => control("bot", { do: "restart" }));
    parts.kill = press("Kill the bot", () => control("bot", { do: "kill" }), "danger");
    buttons.append(parts.start, parts.restart, parts.kill);
  }
  if (told.slack !== null) buttons.append(press("Replay the last click", () => control("replay")));
  box.append(buttons);
}

function renderRequests() {
  if ($("panel-requests").hidden) return;
  const rows = [...state.requests.values()].slice(-ROWS);
  for (const id of state.requests.keys()) { if (state.requests.size <= 500) break; state.requests.delete(id); }
  drawScrolled($("panel-requests"), () => reconcile($("requests"), rows.map((request) => ({
    key: request.id,
    signature: [request.done, request.status, request.problem, request.count].join(" "),
    update: (node) => { node.querySelector(".outcome").replaceWith(outcomeNode(request)); return true; },
    build: () => requestNode(request),
  }))));
}

function outcomeNode(request) {
  const took = request.seconds === null ? "" : ` · ${Math.max(1, Math.round(request.seconds * 1000))} ms`;
  const times = request.count > 1 ? ` ×${request.count}` : "";
  const bad = request.problem || request.status >= 400;
  const said = !request.done ? "…" : `${request.problem || request.status || "no answer"}${took}${times}`;
  return h("span", { class: `outcome${!request.done ? " open" : bad ? " bad" : ""}` }, said);
}

function requestNode(request) {
  const bodies = h("div", { class: "bodies" });
  const details = h("details", {},
    h("summary", {}, h("time", { datetime: new Date(request.at * 1000).toISOString() }, SECONDS.format(new Date(request.at * 1000))),
      h("span", { class: "operation" }, request.operation), outcomeNode(request),
      h("span", { class: "purpose" }, [`${request.source} → ${request.target}`, request.purpose].filter(Boolean).join(" · "))),
    bodies);
  details.addEventListener("toggle", async () => {
    if (!details.open) return;
    const answer = await fetch(`/requests/${request.id}`);
    const told = await answer.json();
    if (!answer.ok) return bodies.replaceChildren(h("p", {}, told.problem));
    bodies.replaceChildren(h("h3", {}, "Request"), h("pre", { class: "body", tabindex: "0" }, told.request || "(empty)"), h("h3", {}, "Answer"), h("pre", { class: "body", tabindex: "0" }, told.answer || "(empty)"));
  });
  return h("li", {}, details);
}

function selectTab(name) {
  for (const tab of ["try", "requests"]) {
    const on = tab === name;
    $(`tab-${tab}`).setAttribute("aria-selected", String(on));
    $(`tab-${tab}`).tabIndex = on ? 0 : -1;
    $(`panel-${tab}`).hidden = !on;
  }
  render();
  if (name === "requests") scrollTo($("panel-requests"), AT_END);
}

function setDock(open) {
  if (open && state.thread && !matchMedia("(min-width: 1500px)").matches) state.thread = null;
  $("app").dataset.dock = open ? "open" : "closed";
  render();
  (open ? document.querySelector('[role="tab"][aria-selected="true"]') : $("open-dock")).focus();
}

/** Escape closes what stands beside the channel, unless a dialog or a list takes it. */
function escape(event) {
  if (event.key !== "Escape" || event.defaultPrevented || $("modal").open || $("question").open) return;
  if (state.thread) closeThread();
  else if (NARROW.matches && $("app").dataset.dock === "open") setDock(false);
}

/** An open menu stays beside its button, so it closes where the button scrolls away. */
function closeMenus(event) {
  for (const toggle of document.querySelectorAll('.menu-host [aria-haspopup="menu"][aria-expanded="true"]'))
    if (event.target !== document && event.target.contains?.(toggle)) toggle.click();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

// ---------------------------------------------------------------- the tour

const tour = makeTour({
  $, h, state, render, readable, send,
  plain: (nodes) => [nodes].flat(Infinity).map((node) => node.textContent ?? node).join(""),
  type: (line) => { $("text").value = line; grow($("text")); },
});

// ---------------------------------------------------------------- beginning

function begin() {
  if (NARROW.matches) $("app").dataset.dock = "closed";
  if (localStorage.getItem("theme")) setTheme(localStorage.getItem("theme"));
  $("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    setTheme(dark === "dark" ? "light" : "dark");
  });
  $("person").addEventListener("change", () => {
    state.me = $("person").value;
    if (here() && !mine(here())) state.place = { channel: state.first };
    render();
  });
  $("text").addEventListener("keydown", hintKeys);
  $("text").addEventListener("input", showHints);
  $("text").addEventListener("blur", hideHints);
  setUpComposer($("composer"), $("text"), send);
  setUpComposer($("reply"), $("reply-text"), reply);
  $("close-thread").addEventListener("click", closeThread);
  for (const area of ["stream", "thread-stream", "panel-requests"]) followReader($(area));
  document.addEventListener("keydown", escape);
  document.addEventListener("scroll", closeMenus, { capture: true, passive: true });
  $("earlier").addEventListener("click", showEarlier);
  new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && showEarlier(), { root: $("stream") }).observe($("earlier"));
  $("newer").addEventListener("click", () => { scrollTo($("stream"), AT_END); $("text").focus(); });
  $("open-dock").addEventListener("click", () => setDock(true));
  $("close-dock").addEventListener("click", () => setDock(false));
  $("tabs").addEventListener("click", (event) => event.target.id.startsWith("tab-") && selectTab(event.target.id.slice(4)));
  $("tabs").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = event.target.id === "tab-try" ? "requests" : "try";
    selectTab(other);
    $(`tab-${other}`).focus();
  });
  const close = () => act("close", {});
  $("modal-form").addEventListener("submit", (event) => { event.preventDefault(); submitModal(); });
  $("modal").addEventListener("cancel", (event) => { event.preventDefault(); close(); });
  $("modal-x").addEventListener("click", close);
  $("modal-close").addEventListener("click", close);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && render());
  connect();
}

begin();
