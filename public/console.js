// The console: it shows each form beside its request and the answer.

import { showCaptcha } from "./captcha.js";
import { freshKey, solve } from "./client.js";
import { element } from "./dom.js";
import { description, duration, fault, reason, send, statusLine, verdict } from "./exchange.js";
import { build, masked, proved, same, write } from "./request.js";

/** Whether the service has asked for proof of work. Before it asks, the console makes no proof. */
let asksForProof = false;

/** The policy of these pages allows only scripts of their own origin, also in a Web Worker. */
const worker = () => new Worker("/solver.js");

/** The nodes of a text, with its header names highlighted. */
const withNames = (text) =>
  text.split(/^([\w-]+: )/m).map((part, at) => (at % 2 ? element("span", { class: "name" }, part) : part));

/** Fills the panel of the answer; `words` explain the answer. */
function showAnswer(part, answer, words) {
  part.outcome.replaceChildren(
    element(
      "p",
      { class: "result" },
      element("span", { class: "status", "data-class": Math.floor(answer.status / 100) }, statusLine(answer)),
      " ",
      element("span", { class: "time" }, element("span", { class: "unseen" }, "in "), duration(answer.ms)),
    ),
    ...(words ? [element("p", {}, words)] : []),
  );
  part.body.hidden = !answer.status;
  const headers = answer.headers.map(([name, value]) => `${name}: ${value}\n`).join("");
  part.body.replaceChildren(...withNames(`${headers}\n${answer.body}`));
}

/** Shows an error beside its field, hides all others, and gives the field. */
function showFault(inputs, problem) {
  for (const input of inputs) {
    const isAtFault = input.name === problem?.name;
    const error = document.getElementById(`${input.id}-error`);
    error.hidden = !isAtFault;
    error.textContent = isAtFault ? problem.text : "";
    if (isAtFault) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  return inputs.find((input) => input.name === problem?.name);
}

/** Adds the panels to a route and makes its form work. */
function begin(route) {
  const form = route.querySelector("form");
  const title = route.querySelector("h2").textContent;
  const panels = document.querySelector("#exchange").content.cloneNode(true);
  const part = Object.fromEntries(
    [...panels.querySelectorAll("[data-part]")].map((node) => [node.dataset.part, node]),
  );
  const inputs = [...form.querySelectorAll("input")];
  const password = form.elements.namedItem("password");
  const submit = form.querySelector(".primary");
  const formats = [...panels.querySelectorAll("[type=radio]")];
  for (const radio of formats) radio.name = `${route.dataset.request}-format`;
  for (const [name, label] of [
    ["request", "Request"],
    ["answer", "Answer"],
    ["text", "Request"],
    ["body", "Answer"],
  ]) {
    part[name].setAttribute("aria-label", `${label}: ${title}`);
  }
  route.append(panels);

  /** The last request that was sent, with its proof of work and its first answer. */
  let exchange = null;
  let sending = false;
  /** Stops a proof of work that is being made. */
  let work = new AbortController();

  const current = () =>
    build[route.dataset.request](Object.fromEntries(inputs.map((input) => [input.name, input.value])));
  const written = (request) => write[formats.find((radio) => radio.checked).value](request, location.origin);
  const isSecret = () => password?.type === "password";

  const isCurrent = () => exchange !== null && same(current(), exchange.request);
  const shown = () => proved(current(), isCurrent() && exchange.proof);

  function showRequest() {
    const request = shown();
    part.text.replaceChildren(...withNames(written(isSecret() ? masked(request) : request)));
    const notes = [
      asksForProof && "The console adds a Proof-Of-Work when it sends the request, a new one for each sign-up.",
      isSecret() && "The copied text contains the real password.",
      request.headers.some(([, value]) => value.startsWith("UTF-8''")) &&
        "UTF-8''… is the extended form of RFC 8187: a browser cannot send this text in a plain header.",
      "The browser adds headers of its own, such as Origin.",
    ];
    part.note.textContent = notes.filter(Boolean).join(" ");
    part.stale.hidden = exchange === null || isCurrent();
    part.retry.hidden = !isCurrent();
  }

  async function sendOnce(request) {
    sending = true;
    part.answer.setAttribute("aria-busy", "true");
    for (const button of [submit, part.retry]) button.setAttribute("aria-disabled", "true");
    const answer = await send(request);
    sending = false;
    part.answer.setAttribute("aria-busy", "false");
    for (const button of [submit, part.retry]) button.removeAttribute("aria-disabled");
    return answer;
  }

  /**
   * Solves a challenge and shows a progress bar; `signal` stops the work. Gives the `proof`. If the service gave no
   * challenge, it gives the service's `answer`; if the work was stopped, it gives neither.
   */
  async function workOnce(signal) {
    part.outcome.replaceChildren(element("p", {}, "Working on a proof of work, which the service asks for…"));
    part.body.hidden = true;
    part.progress.hidden = false;
    part.progress.value = 0;
    try {
      const answer = await send({ method: "GET", path: "/challenge", headers: [] });
      if (answer.status !== 200) return { answer };
      const onProgress = (progress) => (part.progress.value = progress);
      return { proof: await solve(JSON.parse(answer.body), { signal, onProgress, worker }) };
    } catch (error) {
      if (!signal.aborted) throw error;
      return {};
    } finally {
      if (!signal.aborted) part.progress.hidden = true;
    }
  }

  /** Sends `request`, with a proof if the service asks for one. Gives no answer if `signal` stopped the work. */
  async function sendProved(request, known, signal) {
    if (!asksForProof) {
      const answer = await sendOnce(request);
      asksForProof = reason(answer) === "proof_missing";
      if (!asksForProof) return { answer };
    }
    const { proof, answer } = known ? { proof: known } : await workOnce(signal);
    // The service gave no challenge. The next request goes without a proof, to see whether one is still needed.
    if (answer) asksForProof = false;
    return proof ? { proof, answer: await sendOnce(proved(request, proof)) } : { answer };
  }

  async function exchangeOnce(isRetry) {
    if (sending) return;
    work.abort();
    work = new AbortController();
    const request = current();
    const hasKey = request.headers.some(([name]) => name === "Idempotency-Key");
    // A retry with the same key may carry the same proof.
    const { answer, proof } = await sendProved(request, isRetry && hasKey && exchange.proof, work.signal);
    if (!answer) return;
    const problem = fault(
      answer,
      inputs.map((known) => known.name),
    );
    const words = isRetry ? verdict(exchange.answer, answer, hasKey) : (problem?.text ?? description(answer));
    showAnswer(part, answer, words);
    exchange = { request, proof, answer: isRetry && exchange.answer.status ? exchange.answer : answer };
    part.retry.textContent = hasKey ? "Retry with same key" : "Retry without key";
    showRequest();
    const input = showFault(inputs, problem);
    if (isRetry) return;
    if (input) {
      input.focus();
      input.dispatchEvent(new Event("invalid"));
    } else part.answer.scrollIntoView({ block: "nearest" });
  }

  async function copy() {
    const text = written(shown());
    part.copied.textContent = "";
    try {
      await navigator.clipboard.writeText(text);
      part.copied.textContent = "Copied.";
      part.copy.textContent = "Copied";
      setTimeout(() => (part.copy.textContent = "Copy"), 2000);
    } catch {
      // A page that came over plain HTTP has no clipboard. The text is selected instead, to be copied by hand.
      part.text.textContent = text;
      getSelection().selectAllChildren(part.text);
      part.copied.textContent = "The text is selected: copy it with your keyboard.";
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    exchangeOnce(false);
  });
  form.addEventListener("input", (event) => {
    if (event.target.hasAttribute("aria-invalid")) showFault(inputs, null);
    showRequest();
  });
  part.retry.addEventListener("click", () => exchangeOnce(true));
  part.copy.addEventListener("click", copy);
  for (const radio of formats) radio.addEventListener("change", showRequest);
  for (const button of form.querySelectorAll("[data-fresh]")) {
    const key = document.getElementById(button.dataset.fresh);
    key.value = freshKey();
    button.addEventListener("click", () => {
      key.value = freshKey();
      showRequest();
    });
  }
  for (const button of form.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => {
      password.type = isSecret() ? "text" : "password";
      button.textContent = isSecret() ? "Show" : "Hide";
      button.setAttribute("aria-label", `${button.textContent} password`);
      showRequest();
    });
  }
  showRequest();
}

for (const route of document.querySelectorAll(".route")) begin(route);
showCaptcha(document.querySelectorAll("[data-captcha]"));
