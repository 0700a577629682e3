// Both Workers with databases that count the rows that their statements read and write, for `events.js`.
import admin, { Deliverer as Own } from "../admin/index.js";
import Worker from "../build/index.js";
import { serve } from "../worker/serve.js";

const rows = { written: 0, read: 0, statements: 0 };

/** Counts the rows of an answer of D1. */
function note({ meta }) {
  rows.written += meta.rows_written;
  rows.read += meta.rows_read;
  rows.statements += 1;
}

const statement = (inner) => ({
  inner,
  bind: (...values) => statement(inner.bind(...values)),
  async first() {
    const answer = await inner.run();
    note(answer);
    return answer.results[0] ?? null;
  },
  async run() {
    const answer = await inner.run();
    note(answer);
    return answer;
  },
});

const counted = (database) => ({
  prepare: (sql) => statement(database.prepare(sql)),
  withSession: () => counted(database),
  async batch(statements) {
    const answers = await database.batch(statements.map(({ inner }) => inner));
    answers.forEach(note);
    return answers;
  },
});

let known;
/** The same bindings each time, because the Workers keep their state with them; those of the public Worker nudge or not. */
function bindings(env) {
  if (!known) {
    const { EVENTS, ...alone } = { ...env, DB: counted(env.DB) };
    known = { alone, nudging: { ...alone, EVENTS } };
  }
  return known;
}

const { fetch } = serve(Worker.prototype);

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/rows") {
      const answer = Response.json(rows);
      Object.assign(rows, { written: 0, read: 0, statements: 0 });
      return answer;
    }
    if (pathname === "/cron") {
      const scheduledTime = Number(new URL(request.url).searchParams.get("at"));
      await admin.scheduled({ scheduledTime }, bindings(env).alone, ctx);
      return new Response();
    }
    const { alone, nudging } = bindings(env);
    if (!["/sign-up", "/users/"].includes(pathname)) return admin.fetch(request, alone, ctx);
    return fetch(request, request.headers.has("Nudge") ? nudging : alone, ctx);
  },
};

export class Deliverer extends Own {
  constructor(ctx, env) {
    super(ctx, bindings(env).alone);
  }
}
