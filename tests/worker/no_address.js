// The Worker as it would be if the platform did not say where a request comes from.
import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "../../build/index.js";

export default class extends WorkerEntrypoint {
  fetch(request) {
    const headers = new Headers(request.headers);
    headers.delete("CF-Connecting-IP");
    return new Worker(this.ctx, this.env).fetch(new Request(request, { headers }));
  }
}
