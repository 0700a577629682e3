// Runs the calls of scenarios.js in Node, Deno or Bun, and prints their results.

import * as client from "../../../packages/client/dist/client.js";
import { run } from "./scenarios.js";

const [edge, name] = process.argv.slice(2);
console.log(JSON.stringify(await run(client, edge, name)));
