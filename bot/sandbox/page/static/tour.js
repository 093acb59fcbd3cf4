// The tour: five steps through the life of an endpoint, each with the next thing to click marked.
// A step looks at what the page shows and tells what comes next, so that it may be done by hand, in
// another order or not at all.

"use strict";

const DEPLOY = "/friendli-deploy meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100";
const CONNECT = "/friendli-deploy connect";
const FAILING = [
  { model: "sandbox/gated", about: "a gated repo", line: "/friendli-deploy sandbox/gated --gpu 1xH100 --yes" },
  { model: "sandbox/too-large", about: "doesn't fit", line: "/friendli-deploy sandbox/too-large --gpu 1xH100" },
  { model: "sandbox/out-of-memory", about: "out of GPU memory", line: "/friendli-deploy sandbox/out-of-memory --gpu 2xA100 --yes" },
];
const KEPT = "tour";
// Of a card's text.
const OVER = /\b(ended|terminated|terminating|deleted)\b/i;
const LIVE_OR_OVER = /\bis (live|asleep)\b|\b(failed|ended|terminated|terminating)\b/i;
const ASKED = "ask";
const AGREED = "yes";
const ANSWER_TIME = 4000; // ms

/** Make the tour over a page: `page` has its state and what a person can do there. */
export function makeTour(page) {
  const { $, h, state } = page;
  const box = $("tour");
  let { step, left } = recalled();
  let marked = null;
  let drawn = "";
  let sent = ""; // the line that was sent just now, ASKED or AGREED, until the bot has had time to answer

  function recalled() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
      return { step: Number(kept.step) || 0, left: kept.left !== false };
    } catch {
      return { step: 0, left: true };
    }
  }

  function keep() {
    localStorage.setItem(KEPT, JSON.stringify({ step, left }));
  }

  // ------------------------------------------------------------- what the page shows

  const role = () => state.users.get(state.me)?.role;
  const person = (wanted) => state.people.map((id) => state.users.get(id)).find((user) => user.role === wanted);
  const channel = (name) => [...state.channels.values()].find((place) => place.name === name);
  const main = () => state.channels.get(state.first);
  const other = () => channel("experiments");
  const isHere = (place) => state.place?.channel === place?.id;
  const channelButton = (place) => document.querySelector(`#channels [data-name="${CSS.escape(place.id)}"]`);
  const button = (within, words) => [...(within?.querySelectorAll("button, a.button") ?? [])].find((node) => words.test(node.textContent) && !node.closest("[hidden]"));
  /** What the bot asks this person alone, below all else. */
  const asked = () => [...document.querySelectorAll("#messages .message.only")].at(-1);
  const card = (message) => message && document.querySelector(`#messages [data-ts="${CSS.escape(message.ts)}"]`);
  /** The cards of deployments, oldest first: what the bot posted into the channel for all, with a plan or buttons. */
  const roots = () => (main()?.order ?? []).filter((message) => !message.thread && !message.only && !message.gone && message.blocks.length && state.users.get(message.user)?.role === "app");
  const ours = () => roots().find((message) => /llama/i.test(message.text));
  const failed = () => [...document.querySelectorAll("#messages .message:has(.task.error)")].at(-1);
  const modalWords = () => ($("modal").open ? $("modal-body").textContent : "");
  const isConnected = () => /is connected/.test(modalWords()) || (other()?.order ?? []).some((message) => /connected/i.test(message.text) && !/isn't connected|not connected/i.test(message.text));

  const be = (wanted) => role() !== wanted && person(wanted) && { node: $("person"), hint: `Choose @${person(wanted).name} under “You are”.` };
  const goTo = (place) => place && !isHere(place) && { node: channelButton(place), hint: `Open #${place.name}.` };
  const closeModal = () => $("modal").open && { node: $("modal-close"), hint: "Close the dialog." };
  const send = (line) => {
    if (sent === line) return { node: null, hint: "The bot answers." };
    const field = $("text");
    if (field.value === "" || field.value === DEPLOY || field.value === CONNECT) page.type(line);
    return { node: $("composer").querySelector("button"), hint: ["Send ", h("code", {}, line), ". It is typed for you."] };
  };
  const sure = () => $("question").open && { node: $("question-yes"), hint: "Agree." };

  function fillIn() {
    for (const label of $("modal-body").querySelectorAll("label")) {
      const value = /project/i.test(label.textContent) ? state.project : /key/i.test(label.textContent) ? state.key : null;
      const field = value && label.htmlFor && document.getElementById(label.htmlFor);
      if (!field || field.value) continue;
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  // ------------------------------------------------------------- the steps

  const STEPS = [
    {
      name: "Connect",
      about: () => [`A channel deploys to one Friendli project. #${main().name} has one already. Connect #${other().name}, as its admin would.`],
      next: () => {
        if (isConnected()) return null;
        if ($("modal").open) {
          const empty = [...$("modal-body").querySelectorAll("input[aria-required]")].some((field) => !field.value);
          return empty
            ? { node: box.querySelector("[data-tour=fill]"), hint: "Give the sandbox's project and its key.", extra: [{ name: "Fill them in", key: "fill", go: fillIn }] }
            : { node: $("modal-submit"), hint: "Connect. The key is checked, then stored encrypted." };
        }
        return be("admin") || goTo(other()) || send(CONNECT);
      },
    },
    {
      name: "Deploy",
      about: () => ["Nobody needs to be an admin to deploy. The bot shows price and fit, and asks before it spends. ", h("code", {}, "/friendli-deploy"), " alone opens the form, which searches models."],
      next: () => {
        if (ours()) return null;
        const asks = button(asked(), /^Deploy$/);
        return closeModal() || be("member") || goTo(main()) || (asks ? { node: asks, hint: "Deploy it." } : send(DEPLOY));
      },
    },
    {
      name: "Watch",
      about: () => ["One card follows the endpoint, edited in place. Its thread has a line for each step."],
      next: () => {
        const message = ours();
        if (!message || LIVE_OR_OVER.test(page.readable(message.text))) return null;
        const replies = button(card(message), /repl(y|ies)/);
        if (!isHere(main())) return goTo(main());
        return state.thread || !replies ? { node: card(message)?.querySelector(".plan"), hint: "Watch. It is live in a few seconds." } : { node: replies, hint: "Open its thread." };
      },
    },
    {
      name: "Use and repair",
      about: () => ["A live endpoint is used from its card. Then see models that fail: each card says why, and its first button repairs it."],
      next: () => {
        const extra = FAILING.map(({ model, about, line }) => ({ name: [h("code", {}, model), ` ${about}`], key: model, go: () => page.send(line) }));
        const broken = failed();
        const repair = broken && button(broken.querySelector(".actions"), /./);
        const use = button(card(ours()), /^(Use it|Try a prompt)$/);
        return closeModal() || goTo(main()) || (repair && { node: repair, hint: "Repair it, or go on.", extra })
          || { node: use ?? null, hint: use ? "Use it, then try one of these:" : "Try one of these:", extra };
      },
      byHand: true,
    },
    {
      name: "End",
      about: () => ["A GPU that nobody needs costs money. End the endpoint from its card; its thread stays."],
      next: () => {
        const message = ours();
        if (!message || OVER.test(page.readable(message.text))) return null;
        if (sent === AGREED) return { node: null, hint: "It ends." };
        const shown = card(message);
        const menu = shown?.querySelector('[aria-haspopup="menu"]');
        const terminate = button(shown, /^Terminate/);
        const asks = button(asked(), /^Terminate$/);
        return closeModal() || sure() || be("member") || goTo(main()) || (asks && { node: asks, hint: "Agree." })
          || (sent === ASKED && { node: null, hint: "The bot answers." }) || { node: terminate ?? menu ?? null, hint: terminate ? "Terminate it." : "Open ⋯, then Terminate." };
      },
    },
  ];

  // ------------------------------------------------------------- drawing

  function mark(node) {
    if (marked === node && node?.classList.contains("tour-target")) return;
    for (const old of document.querySelectorAll(".tour-target")) old.classList.remove("tour-target");
    if (node) {
      node.classList.add("tour-target");
      if (marked !== node) node.scrollIntoView({ block: "nearest" });
    }
    marked = node;
  }

  function goOn(to) {
    step = to;
    keep();
    page.render();
  }

  function begin() {
    left = false;
    if (step < 1 || step > STEPS.length) step = 1;
    keep();
    page.render();
    box.querySelector("h3")?.focus();
  }

  function leave() {
    left = true;
    keep();
    page.render();
    $("text").focus();
  }

  /** What has been done by hand is passed over; without an endpoint there is nothing to watch or end. */
  function settle() {
    if (step >= 3 && step <= STEPS.length && !ours()) step = 2;
    while (step >= 1 && step <= STEPS.length && !STEPS[step - 1].byHand && STEPS[step - 1].next() === null) step += 1;
    keep();
  }

  function draw() {
    const shown = !left && step > 0 && offered();
    box.hidden = !shown;
    if (!shown) {
      drawn = "";
      mark(null);
      return;
    }
    // A modal makes everything behind it inert, so the tour goes along.
    const dialog = $("question").open ? $("question") : $("modal").open ? $("modal") : null;
    if (dialog && box.parentElement !== dialog) dialog.append(box);
    if (!dialog && box.parentElement === document.body || !dialog && box.closest("dialog")) $("composer").before(box);
    settle();
    const over = step > STEPS.length;
    const next = over ? null : STEPS[step - 1].next();
    const signature = JSON.stringify([step, next && page.plain(next.hint), next?.extra?.map((each) => each.key)]);
    if (signature !== drawn) {
      drawn = signature;
      box.replaceChildren(...(over ? ending() : stepNodes(STEPS[step - 1], next)));
    }
    // The mark may be on one of the tour's own buttons, which are drawn only now.
    mark(over ? null : STEPS[step - 1].next()?.node ?? null);
  }

  function stepNodes(current, next) {
    const progress = h("ol", { class: "tour-steps", "aria-label": "Steps of the tour" }, STEPS.map((one, at) => h("li", { "aria-current": at === step - 1 ? "step" : null }, one.name)));
    const extra = next?.extra ?? [];
    return [
      h("header", {}, h("h3", { tabindex: "-1" }, `${step} of ${STEPS.length}: ${current.name}`), progress,
        h("button", { class: "quiet", type: "button", onclick: leave }, "Leave")),
      h("p", {}, current.about()),
      h("p", { class: "tour-next", role: "status" }, next?.hint ?? ""),
      h("div", { class: "buttons" }, extra.map((each) => h("button", { type: "button", "data-tour": each.key, onclick: each.go }, each.name)),
        h("button", { type: "button", class: current.byHand ? "primary" : "quiet", onclick: () => goOn(step + 1) }, current.byHand ? "Next" : "Skip this step")),
    ];
  }

  function ending() {
    return [
      h("header", {}, h("h3", { tabindex: "-1" }, "That was the tour")),
      h("p", {}, "Under “Try it” you can take the APIs down, lose replies and kill the bot: nothing is created twice or forgotten."),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "primary", onclick: () => { step = 0; leave(); } }, "Close")),
    ];
  }

  const offered = () => state.people.length > 0 && state.controls.friendli !== null && !!main() && !!other();
  const label = () => (step > 0 && left ? `Resume the tour (step ${Math.min(step, STEPS.length)} of ${STEPS.length})` : `Take the tour (${STEPS.length} steps)`);

  let answering;
  const wait = (what) => {
    sent = what;
    clearTimeout(answering);
    answering = setTimeout(() => { sent = ""; if (state.ready) draw(); }, ANSWER_TIME);
  };
  $("composer").addEventListener("submit", () => wait($("text").value.trim()), { capture: true });
  $("question-yes").addEventListener("click", () => wait(AGREED), { capture: true });
  $("messages").addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    if (/^Terminate/.test(pressed?.textContent)) wait(pressed.closest(".message.only") ? AGREED : ASKED);
  }, { capture: true });
  // What happens without the server's doing changes the next click as well.
  for (const kind of ["click", "input", "keyup"]) document.addEventListener(kind, () => setTimeout(() => state.ready && draw()));
  return { begin, draw, label, offered, running: () => !left && step > 0 };
}
