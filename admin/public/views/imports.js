// The import of users from a file: first checked, then imported, batch by batch.

import { ApiError, importUsers } from "../api.js";
import { element } from "../dom.js";
import { batches } from "../lines.js";
import { announce, bytes, button, count, empty, field, number, reasonOf, table } from "../parts.js";

export const title = "Import";

/** The failures that the page lists. The file of failures has them all. */
const LISTED = 100;

/** The words for the answers of lines, in the order of the page. */
const STATUSES = { valid: "Valid", stored: "Stored", taken: "Name taken", invalid: "Invalid" };

const EXAMPLE =
  '{"client_id":"shop","username":"ada","password_hash":"$2b$10$…","created_at":"2020-01-31T10:00:00Z"}';

/** The view stays, so that an import goes on while the operator looks at others. */
let view = null;

export function show({ mayWrite }) {
  if (!mayWrite) {
    return element(
      "div",
      { class: "state", "data-state": "forbidden" },
      element("p", {}, element("strong", {}, "You may not import users")),
      element(
        "p",
        {},
        "You are signed in to look, without changing anything. Sign in with the token that may write.",
      ),
    );
  }
  view ??= makeView();
  return view;
}

function makeView() {
  const file = element("input", {
    type: "file",
    name: "file",
    accept: ".ndjson,.jsonl,.json,.txt,application/x-ndjson",
  });
  const checkButton = button("Check", () => start(true), { class: "primary", disabled: true });
  const importButton = button("Import", () => start(false), { disabled: true });
  const stopButton = button("Stop", () => run?.stop.abort(), { hidden: true });
  const result = element("section", { class: "stack", "aria-label": "Result" });
  /** The run that is under way. */
  let run = null;

  file.addEventListener("change", () => {
    checkButton.disabled = !file.files.length;
    importButton.disabled = true;
    result.replaceChildren();
  });

  async function start(isDry) {
    run = newRun(file.files[0], isDry, result);
    for (const node of [file, checkButton, importButton]) node.disabled = true;
    stopButton.hidden = false;
    stopButton.focus();
    addEventListener("beforeunload", warn);
    await run.finished;
    removeEventListener("beforeunload", warn);
    stopButton.hidden = true;
    file.disabled = checkButton.disabled = false;
    // Only a file that was checked to its end is imported.
    importButton.disabled = !(isDry && run.isComplete && run.counts.valid);
    importButton.textContent = importButton.disabled ? "Import" : `Import ${count(run.counts.valid, "user")}`;
    (importButton.disabled ? checkButton : importButton).focus();
  }

  return element(
    "div",
    { class: "stack" },
    element(
      "p",
      { class: "lead" },
      "Each line of the file is a user in JSON, with a hash of Argon2, bcrypt, scrypt, PBKDF2 or Firebase’s scrypt. ",
      element("code", {}, "created_at"),
      " may be left out. A check stores nothing.",
    ),
    element("pre", { tabindex: 0, role: "group", "aria-label": "A line of the file" }, EXAMPLE),
    element("div", { class: "toolbar" }, field("File", file), checkButton, importButton, stopButton),
    result,
  );
}

const warn = (event) => event.preventDefault();

/** Sends the lines of `file`, and shows in `node` how far it is. */
function newRun(file, isDry, node) {
  const run = { stop: new AbortController(), counts: {}, isComplete: false };
  const progress = element("progress", {
    max: Math.max(1, file.size),
    value: 0,
    "aria-label": isDry ? "Check" : "Import",
  });
  const state = element("p", {});
  const tiles = element("dl", { class: "tiles" });
  const failures = { listed: [], all: new Blob() };
  const list = element("div", { class: "list" });
  const problem = element("div", {});
  node.replaceChildren(element("h2", {}, isDry ? "Check" : "Import"), progress, state, problem, tiles, list);

  /** Counts the answer of a line, whose number in the file is `line`. Gives the text of a failure. */
  function note(line, answer) {
    run.counts[answer.status] = (run.counts[answer.status] ?? 0) + 1;
    if (answer.status === "stored" || answer.status === "valid") return "";
    const failure = { ...answer, line };
    if (failures.listed.length < LISTED) failures.listed.push(failure);
    return `${JSON.stringify(failure)}\n`;
  }

  function showCounts(end) {
    progress.value = end;
    state.textContent = `${bytes(end)} of ${bytes(file.size)}`;
    const shown = Object.entries(STATUSES).filter(([status]) => status in run.counts);
    tiles.replaceChildren(
      ...shown.map(([status, words]) =>
        element("div", {}, element("dt", {}, words), element("dd", {}, number(run.counts[status]))),
      ),
    );
  }

  /** Sends a batch. If the call fails, the operator may send the lines again that had no answer, or stop. */
  async function send({ numbers, lines }) {
    for (let done = 0; done < lines.length; ) {
      const [from, texts] = [done, []];
      const onAnswer = (answer) => {
        texts.push(note(numbers[from + answer.line - 1], answer));
        done += 1;
      };
      try {
        const body = new Blob(lines.slice(from).flatMap((line) => [line, "\n"]));
        await importUsers(body, { isDry, signal: run.stop.signal, onAnswer });
        if (done < lines.length) throw new ApiError(0, "The service's answer was cut short.");
      } catch (error) {
        if (run.stop.signal.aborted) throw error;
        await decision(error, numbers.slice(done));
      } finally {
        if (texts.some(Boolean)) failures.all = new Blob([failures.all, ...texts]);
      }
    }
  }

  /** Shows the error of a batch, and waits until the operator tries again. */
  function decision(error, numbers) {
    return new Promise((resolve, reject) => {
      const stopped = () => reject(run.stop.signal.reason);
      run.stop.signal.addEventListener("abort", stopped, { once: true });
      const again = button("Try again", () => {
        run.stop.signal.removeEventListener("abort", stopped);
        problem.replaceChildren();
        resolve();
      });
      problem.replaceChildren(
        element(
          "div",
          { class: "state", "data-state": "failed", role: "alert" },
          element(
            "p",
            {},
            element("strong", {}, `Lines ${number(numbers[0])} to ${number(numbers.at(-1))} had no answer`),
          ),
          element("p", {}, reasonOf(error)),
          !isDry &&
            element(
              "p",
              { class: "hint" },
              "Some of them may be stored. To send them again changes nothing for those.",
            ),
          again,
        ),
      );
    });
  }

  function showEnd() {
    const total = Object.values(run.counts).reduce((sum, value) => sum + value, 0);
    state.textContent = run.isComplete
      ? `${isDry ? "Checked" : "Sent"} ${count(total, "line")}.`
      : `Stopped after ${count(total, "line")}.`;
    announce(state.textContent);
    if (run.isComplete && !total) list.replaceChildren(empty("The file has no line."));
    if (!run.isComplete && !isDry)
      problem.append(element("p", { class: "hint" }, "The lines that were under way may be stored too."));
    if (!failures.all.size) return;
    const isCut = total - (run.counts.stored ?? 0) - (run.counts.valid ?? 0) > LISTED;
    list.replaceChildren(
      element("div", { class: "actions" }, download(failures.all, file.name)),
      table(
        isCut ? `The first ${LISTED} failures` : "Failures",
        [
          { label: "Line", cell: ({ line }) => number(line) },
          { label: "Status", cell: ({ status }) => STATUSES[status] ?? status },
          { label: "Field", cell: ({ field }) => (field ? element("code", {}, field) : "–") },
          { label: "Description", cell: ({ description }) => description || "–" },
        ],
        failures.listed,
      ),
    );
  }

  async function sendAll() {
    showCounts(0);
    try {
      for await (const batch of batches(file.stream())) {
        await send(batch);
        showCounts(batch.end);
      }
      progress.value = file.size;
      run.isComplete = true;
    } catch (error) {
      problem.replaceChildren();
      if (!run.stop.signal.aborted) {
        problem.append(
          element("p", { class: "error", role: "alert" }, `The file could not be read: ${error.message}`),
        );
      }
    }
    showEnd();
  }
  run.finished = sendAll();
  return run;
}

/** A link to all failures, a line in JSON for each. */
function download(failures, name) {
  const url = URL.createObjectURL(failures);
  return element(
    "a",
    { href: url, download: `${name.replace(/\.\w+$/, "")}.failures.ndjson` },
    "Download the failures",
  );
}
