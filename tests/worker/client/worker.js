// A Worker that runs the calls of scenarios.js, and answers with their results.

import * as client from "../../../packages/client/dist/client.js";
import { run } from "./scenarios.js";

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    return Response.json(await run(client, searchParams.get("edge"), "worker"));
  },
};
