// Two Workers over the same databases, as during a deploy: one with the setting SHARDS of the environment, and one with
// OLD_SHARDS. Headers of a request:
//
// - `Test-Worker`: `old` calls the Worker with the old setting.
// - `Test-SHARDS` calls a Worker with this setting, and `Test-SERVICE` one with this SERVICE_ID.
// - `Test-SQL` is run first, in the database whose binding `Test-Database` names.
import { WorkerEntrypoint } from "cloudflare:workers";
// A Worker for each setting, as in isolates of their own.
import OldWorker from "../../build/index.js?old";
import OtherWorker from "../../build/index.js?other";
import Worker from "../../build/index.js";
import { serve } from "../../worker/serve.js";

const [current, old, other] = [Worker, OldWorker, OtherWorker].map((worker) => serve(worker.prototype));
const kept = {};

export default class extends WorkerEntrypoint {
  async fetch(request) {
    const { headers } = request;
    kept.current ??= this.env;
    kept.old ??= { ...this.env, SHARDS: this.env.OLD_SHARDS };
    const sql = headers.get("Test-SQL");
    if (sql) await this.env[headers.get("Test-Database")].prepare(sql).run();
    const [shards, service] = [headers.get("Test-SHARDS"), headers.get("Test-SERVICE")];
    if (shards) return other.fetch(request, { ...this.env, SHARDS: shards });
    if (service) return other.fetch(request, { ...this.env, SERVICE_ID: service });
    return headers.get("Test-Worker") === "old"
      ? old.fetch(request, kept.old)
      : current.fetch(request, kept.current);
  }
}
