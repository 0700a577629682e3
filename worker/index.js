// The Worker's entry point. That of worker-build would create an object and two proxies for each request.
import Worker from "../build/index.js";
import { serve } from "./serve.js";

export default serve(Worker.prototype);
