// The admin on a database that misbehaves. The header `Test-Fault` of a request, or the variable FAULT for everything else,
// is a JSON object:
// - `sql`: the batches that have a statement of this form are at fault, except the first `after` of them.
// - `fault`: each of them fails with "down"; the answer of the first one is lost with "lost", or late with "late".
// - `until`: the late answer comes when this statement gives a row.
import admin, { Deliverer as Own } from "../../../admin/index.js";

export { Users } from "../../../admin/index.js";

/** `env` with a database that has the fault of the JSON `text`, if there is one. */
function faulty(env, text) {
  if (!text) return env;
  const { sql, fault, until, after = 0 } = JSON.parse(text);
  const form = new RegExp(sql);
  const texts = new WeakMap();
  let left = after;
  const DB = {
    prepare(sql) {
      const prepared = env.DB.prepare(sql);
      return {
        run: () => prepared.run(),
        first: (...column) => prepared.first(...column),
        bind(...values) {
          const bound = prepared.bind(...values);
          texts.set(bound, sql);
          return bound;
        },
      };
    },
    async batch(statements) {
      const isAtFault = statements.some((statement) => form.test(texts.get(statement)));
      if (!isAtFault || left-- > 0) return env.DB.batch(statements);
      if (fault === "down") throw new Error("D1_ERROR: D1 DB is overloaded. Requests queued for too long.");
      const answer = await env.DB.batch(statements);
      left = Number.POSITIVE_INFINITY;
      if (fault === "lost") throw new Error("D1_ERROR: Network connection lost.");
      console.log("A late answer waits");
      while (!(await env.DB.prepare(until).first())) await scheduler.wait(10);
      return answer;
    },
  };
  return { ...env, DB };
}

export default {
  fetch: (request, env, ctx) => admin.fetch(request, faulty(env, request.headers.get("Test-Fault")), ctx),
  scheduled: (controller, env, ctx) => admin.scheduled(controller, faulty(env, env.FAULT), ctx),
};

export class Deliverer extends Own {
  constructor(ctx, env) {
    super(ctx, faulty(env, env.FAULT));
  }
}
